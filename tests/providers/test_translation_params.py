"""The rules for plain parameters: quality, style, input fidelity, other defaults, null."""

import pytest
from msgspec.structs import replace

from imageway.contract.content import BytesContent
from imageway.contract.errors import UnsupportedError
from imageway.contract.request import ImageFacts, ImageFormat, ImageInput, ImageRequest, JsonValue, Operation
from imageway.contract.spec import Choice, Integer, ModelSpec, Param, Text
from imageway.providers.catalogue import load_catalogue
from imageway.providers.translation import Translation, translated

CATALOGUE = load_catalogue()
PHOTO = ImageInput(
    source=BytesContent(b"photo"), facts=ImageFacts(format=ImageFormat.PNG, width_px=64, height_px=64, has_alpha=True)
)
TARGETS = ["openai/gpt-image-2", "openai/gpt-image-2.5-sunburst", "openai/gpt-image-2.6-flare", "azure/gpt-image-2"]


def asks(operation: Operation = Operation.GENERATE, **params: JsonValue) -> ImageRequest:
    images = (PHOTO,) if operation is Operation.EDIT else ()
    return ImageRequest(operation=operation, model="m", params={"prompt": "a kite", **params}, images=images)


def onto(target: str, contract: str, request: ImageRequest) -> Translation:
    return translated(request, CATALOGUE[contract], CATALOGUE[target])


def refused(contract: ModelSpec, target: ModelSpec, request: ImageRequest) -> list[tuple[str, str]]:
    with pytest.raises(UnsupportedError) as caught:
        translated(request, contract, target)
    return [(violation.param, violation.message) for violation in caught.value.violations]


def with_params(spec: ModelSpec, operation: Operation = Operation.GENERATE, **params: Param) -> ModelSpec:
    found = spec.operations[operation]
    changed = replace(found, params={**found.params, **params})
    return replace(spec, operations={**spec.operations, operation: changed})


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    ("stated", "sent"),
    [({}, "medium"), ({"quality": None}, "medium"), ({"quality": "standard"}, "medium"), ({"quality": "hd"}, "high")],
    ids=["left-out", "null", "standard", "hd"],
)
def test_old_qualities_have_new_names(target: str, stated: dict[str, JsonValue], sent: str) -> None:
    found = onto(target, "openai/dall-e-3", asks(size="1024x1024", response_format="b64_json", **stated))

    assert found.request == asks(size="1024x1024", quality=sent)
    assert found.rules == ("quality", "response-format")


@pytest.mark.parametrize("quality", ["low", "medium", "high", "auto"])
def test_new_qualities_pass_unchanged(quality: str) -> None:
    found = onto("openai/gpt-image-2.6-flare", "openai/gpt-image-1", asks(quality=quality))

    assert found.request == asks(quality=quality)
    assert found.rules == ()


@pytest.mark.parametrize("quality", ["standard", "hd"])
def test_a_target_that_knows_the_old_qualities_too_gets_them(quality: str) -> None:
    both = Choice(values=["standard", "hd", "medium", "high", "auto"], default="auto")
    target = with_params(CATALOGUE["openai/gpt-image-2"], quality=both)
    request = asks(size="1024x1024", quality=quality, response_format="b64_json")

    found = translated(request, CATALOGUE["openai/dall-e-3"], target)

    assert found.request == asks(size="1024x1024", quality=quality)
    assert found.rules == ("response-format",)


def test_an_edit_without_the_parameter_is_of_standard_quality() -> None:
    found = onto("openai/gpt-image-2", "openai/dall-e-2", asks(Operation.EDIT))

    assert found.request.params == {"prompt": "a kite", "size": "1024x1024", "quality": "medium"}


def test_a_quality_that_the_target_has_not_is_refused_under_its_own_name() -> None:
    newer, older = CATALOGUE["openai/gpt-image-2.5-flare"], CATALOGUE["openai/gpt-image-1"]

    assert refused(newer, older, asks(quality="xhigh")) == [
        ("quality", "Invalid value: 'xhigh'. Supported values are: 'low', 'medium', 'high', and 'auto'.")
    ]
    assert refused(CATALOGUE["openai/dall-e-3"], CATALOGUE["openai/dall-e-2"], asks(quality="hd")) == [
        ("quality", "Invalid value: 'hd'. Value must be 'standard'.")
    ]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    ("style", "sentence"),
    [
        ("vivid", "Make it vivid: strong light, saturated colours and a striking, larger-than-life look."),
        ("natural", "Keep it natural: soft light, true-to-life colours and a plain, unstaged look."),
    ],
)
def test_a_style_becomes_a_sentence_of_the_prompt(target: str, style: str, sentence: str) -> None:
    found = onto(target, "openai/dall-e-3", asks(style=style))

    assert found.request.params == {"prompt": f"a kite\n\n{sentence}", "size": "1024x1024", "quality": "medium"}
    assert found.rules == ("size", "quality", "style", "response-format")


@pytest.mark.parametrize("stated", [{}, {"style": None}], ids=["left-out", "null"])
def test_a_style_left_out_adds_nothing(stated: dict[str, JsonValue]) -> None:
    found = onto("openai/gpt-image-2", "openai/dall-e-3", asks(**stated))

    assert found.request.params == {"prompt": "a kite", "size": "1024x1024", "quality": "medium"}
    assert "style" not in found.rules


def test_a_style_that_the_target_has_stays() -> None:
    found = onto("azure/dall-e-3", "openai/dall-e-3", asks(style="natural"))

    assert found.request == asks(style="natural")
    assert found.rules == ()


def test_a_style_without_a_sentence_is_refused() -> None:
    contract = with_params(CATALOGUE["openai/dall-e-3"], style=Choice(values=["vivid", "woodcut"]))

    assert [param for param, _ in refused(contract, CATALOGUE["openai/gpt-image-2"], asks(style="woodcut"))] == [
        "style"
    ]


def test_the_sentence_counts_against_the_targets_limit() -> None:
    contract = CATALOGUE["openai/dall-e-3"]
    sentence_chars = len("\n\nMake it vivid: strong light, saturated colours and a striking, larger-than-life look.")
    target = with_params(
        CATALOGUE["openai/gpt-image-2"], prompt=Text(required=True, nullable=False, max_chars=100 + sentence_chars)
    )

    assert translated(asks(prompt="x" * 100, style="vivid"), contract, target).rules == (
        "size",
        "quality",
        "style",
        "response-format",
    )
    assert refused(contract, target, asks(prompt="x" * 101, style="vivid")) == [
        (
            "prompt",
            "Invalid 'prompt': string too long. Expected a string with maximum length 187, but got a string with length"
            " 188 instead. This comes of the translation rule 'style'.",
        )
    ]


@pytest.mark.parametrize("target", TARGETS)
def test_high_fidelity_is_left_out_where_it_is_always_high(target: str) -> None:
    found = onto(target, "openai/gpt-image-1", asks(Operation.EDIT, input_fidelity="high"))

    assert found.request == asks(Operation.EDIT)
    assert found.rules == ("input-fidelity",)


def test_low_fidelity_is_refused_where_it_is_always_high() -> None:
    request = asks(Operation.EDIT, input_fidelity="low")

    assert refused(CATALOGUE["openai/gpt-image-1"], CATALOGUE["azure/gpt-image-2"], request) == [
        (
            "input_fidelity",
            "'input_fidelity' is 'low', but gpt-image-2 keeps to the pictures at fidelity 'high' always, which costs"
            " more input tokens. Leave it out, or say 'high'.",
        )
    ]


def test_fidelity_left_out_asks_for_nothing() -> None:
    found = onto("openai/gpt-image-2", "openai/gpt-image-1", asks(Operation.EDIT))

    assert found.request == asks(Operation.EDIT)
    assert found.rules == ()


def test_fidelity_passes_where_the_target_has_it_and_is_refused_where_nothing_is_known_of_it() -> None:
    request = asks(Operation.EDIT, input_fidelity="high")

    assert onto("openai/gpt-image-1.5", "openai/gpt-image-1", request).rules == ()
    assert [
        param for param, _ in refused(CATALOGUE["openai/gpt-image-1"], CATALOGUE["azure/gpt-image-1-mini"], request)
    ] == ["input_fidelity"]


def test_a_null_is_left_out_where_the_target_does_not_have_the_parameter() -> None:
    request = asks(Operation.EDIT, input_fidelity=None, n=None)

    found = onto("azure/gpt-image-2", "openai/gpt-image-1", request)

    assert found.request == asks(Operation.EDIT, n=None)
    assert found.rules == ("null",)


def test_a_null_is_left_out_where_the_target_takes_none() -> None:
    found = onto("azure/dall-e-3", "openai/dall-e-3", asks(style=None, n=None))

    assert found.request == asks(n=None)
    assert found.rules == ("null",)


def test_a_parameter_that_neither_has_is_not_dropped_for_being_null() -> None:
    spec = CATALOGUE["openai/gpt-image-1"]

    assert [param for param, _ in refused(spec, CATALOGUE["azure/gpt-image-2"], asks(strength=None))] == ["strength"]


def test_another_default_at_the_target_is_replaced_by_the_contracts() -> None:
    contract = CATALOGUE["openai/gpt-image-1"]
    target = with_params(contract, background=Choice(values=["opaque", "auto"], default="opaque"))

    assert translated(asks(), contract, target).request == asks(background="auto")
    assert translated(asks(background=None), contract, target).request == asks(background="auto")
    assert translated(asks(background="opaque"), contract, target).rules == ()
    assert translated(asks(), contract, target).rules == ("default",)


def test_a_default_that_depends_on_others_is_not_sent() -> None:
    contract = CATALOGUE["openai/gpt-image-2.5-flare"]
    target = with_params(contract, frame_count=Integer(min=2, max=16, default=4, only_with={"output_format": ["gif"]}))

    assert translated(asks(), contract, target).rules == ()
