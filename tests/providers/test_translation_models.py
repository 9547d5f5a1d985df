"""Whole contracts onto whole targets: what the retired models' callers get, and what nobody can give them."""

import itertools
from collections.abc import Iterator

import pytest

from imageway.contract.check import violations
from imageway.contract.content import BytesContent
from imageway.contract.errors import UnsupportedError, Violation
from imageway.contract.request import ImageFacts, ImageFormat, ImageInput, ImageRequest, JsonValue, Operation
from imageway.contract.spec import Choice, Flag, Integer, OperationSpec, Size
from imageway.providers.catalogue import load_catalogue
from imageway.providers.translation import Translation, rules_between, translated

CATALOGUE = load_catalogue()
RETIRED = ["openai/dall-e-2", "openai/dall-e-3", "openai/gpt-image-1", "azure/dall-e-2", "azure/dall-e-3"]
TARGETS = [
    "openai/gpt-image-1",
    "openai/gpt-image-2",
    "openai/gpt-image-2.5-sunburst",
    "openai/gpt-image-2.6-flare",
    "azure/gpt-image-2",
]
ECHOES = ("background", "output_format", "quality", "size", "usage")
PHOTO = ImageInput(
    source=BytesContent(b"photo"), facts=ImageFacts(format=ImageFormat.PNG, width_px=64, height_px=64, has_alpha=True)
)
GRID_SIZES = ["1024x1024", "816x816", "640x1024", "1200x800", "3840x1280", "3840x2160", "2880x2880"]


def asks(operation: Operation = Operation.GENERATE, **params: JsonValue) -> ImageRequest:
    images = (PHOTO,) if operation is not Operation.GENERATE else ()
    prompt: dict[str, JsonValue] = {"prompt": "a kite"} if operation is not Operation.VARIATION else {}
    return ImageRequest(operation=operation, model="m", params={**prompt, **params}, images=images)


def refusal(request: ImageRequest, contract: str, target: str) -> UnsupportedError:
    with pytest.raises(UnsupportedError) as caught:
        translated(request, CATALOGUE[contract], CATALOGUE[target])
    return caught.value


def attempt(request: ImageRequest, contract: str, target: str) -> Translation | tuple[Violation, ...]:
    try:
        return translated(request, CATALOGUE[contract], CATALOGUE[target])
    except UnsupportedError as error:
        return error.violations


def legal_requests(operation: Operation, promised: OperationSpec) -> Iterator[ImageRequest]:
    """Every combination of a contract's sizes, qualities and what else a rule may meet, left out included."""
    domains: dict[str, list[JsonValue]] = {}
    for name in ("size", "quality", "style", "response_format", "input_fidelity", "output_format", "stream", "n"):
        match promised.params.get(name):
            case Choice(values=values):
                domains[name] = [None, *values]
            case Size(values=values, grid=grid):
                domains[name] = [None, *values, *(GRID_SIZES if grid else [])]
            case Flag():
                domains[name] = [None, True]
            case Integer(max=most):
                domains[name] = [None, most]
            case _:
                pass
    for values in itertools.product(*domains.values()):
        stated = dict(zip(domains, values, strict=True))
        yield asks(operation, **{name: value for name, value in stated.items() if value is not None})


@pytest.mark.parametrize("target", CATALOGUE)
@pytest.mark.parametrize("contract", [*RETIRED, "openai/gpt-image-2.5-flare"])
def test_a_legal_request_passes_the_targets_check_after_the_rules_or_is_refused(contract: str, target: str) -> None:
    could_fire = {rule.name for rule in rules_between(CATALOGUE[contract], CATALOGUE[target])}
    for operation, promised in CATALOGUE[contract].operations.items():
        for request in legal_requests(operation, promised):
            if violations(request, CATALOGUE[contract]):
                continue
            found = attempt(request, contract, target)
            if not isinstance(found, Translation):
                assert found
                continue
            assert violations(found.request, CATALOGUE[target]) == ()
            assert set(found.rules) <= could_fire
            assert found.rules or found.request is request
            _check_size(request, found)


def _check_size(request: ImageRequest, found: Translation) -> None:
    if found.resize_to is None:
        assert found.request.params.get("size") == request.params.get("size") or "size" in found.rules
        return
    width, height = found.resize_to
    across, down = map(int, str(found.request.params["size"]).split("x"))
    assert request.params["size"] == f"{width}x{height}"
    assert across * height == down * width
    assert across > width


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_request_to_the_very_same_model_is_left_alone(name: str) -> None:
    spec = CATALOGUE[name]
    for operation, promised in spec.operations.items():
        for request in legal_requests(operation, promised):
            if not violations(request, spec):
                found = translated(request, spec, spec)
                assert found.request is request
                assert (found.rules, found.resize_to, found.links) == ((), None, False)
    assert rules_between(spec, spec) == ()


@pytest.mark.parametrize("target", TARGETS[1:])
def test_everything_that_dall_e_3_could_draw_is_drawn(target: str) -> None:
    spec = CATALOGUE["openai/dall-e-3"]
    for request in legal_requests(Operation.GENERATE, spec.operations[Operation.GENERATE]):
        translated(request, spec, CATALOGUE[target])


@pytest.mark.parametrize("target", TARGETS)
def test_a_full_dall_e_2_request(target: str) -> None:
    request = asks(n=10, size="512x512", quality="standard", response_format="url", user="u")
    square = "1024x1024" if target == "openai/gpt-image-1" else "816x816"

    assert translated(request, CATALOGUE["openai/dall-e-2"], CATALOGUE[target]) == Translation(
        request=asks(n=10, size=square, quality="medium", user="u"),
        rules=("size", "quality", "response-format"),
        resize_to=(512, 512),
        links=True,
    )


@pytest.mark.parametrize("target", TARGETS)
def test_a_full_gpt_image_1_request(target: str) -> None:
    request = asks(
        n=10,
        size="1536x1024",
        quality="auto",
        background="transparent",
        output_format="png",
        output_compression=100,
        stream=True,
        partial_images=3,
        user="u",
    )

    assert translated(request, CATALOGUE["openai/gpt-image-1"], CATALOGUE[target]) == Translation(
        request=request, keeps=ECHOES
    )


@pytest.mark.parametrize(
    ("params", "faulty"),
    [
        ({"output_format": "webp"}, ["output_format"]),
        ({"moderation": "low"}, ["moderation"]),
        ({"background": "transparent", "output_format": "webp"}, ["output_format"]),
        ({"output_compression": 50, "output_format": "webp", "safety_identifier": "s"}, None),
    ],
    ids=["webp", "moderation", "transparent-webp", "several"],
)
def test_what_azure_lacks_is_refused(params: dict[str, JsonValue], faulty: list[str] | None) -> None:
    found = refusal(asks(**params), "openai/gpt-image-1", "azure/gpt-image-2")

    assert [violation.param for violation in found.violations] == (faulty or ["safety_identifier", "output_format"])


def test_more_pictures_than_the_target_draws_are_refused() -> None:
    contract, target = CATALOGUE["openai/dall-e-2"], CATALOGUE["openai/dall-e-3"]

    assert translated(asks(n=1), contract, target).request.params["n"] == 1
    assert refusal(asks(n=2), "openai/dall-e-2", "openai/dall-e-3").message == (
        "Invalid 'n': integer above maximum value. Expected a value <= 1, but got 2 instead."
    )


@pytest.mark.parametrize("target", TARGETS)
def test_variations_are_refused(target: str) -> None:
    request = asks(Operation.VARIATION)
    model = CATALOGUE[target].model

    assert refusal(request, "openai/dall-e-2", target).message == (
        "A variation can't be translated: it is made from a picture without a prompt, and"
        f" {model} does nothing of the kind. It does: generate, edit."
    )


def test_variations_pass_where_they_are_made() -> None:
    request = asks(Operation.VARIATION, n=2)

    assert translated(request, CATALOGUE["openai/dall-e-2"], CATALOGUE["openai/dall-e-2"]).request is request


def test_an_operation_that_only_one_side_has_is_refused() -> None:
    edit = asks(Operation.EDIT)

    assert refusal(edit, "openai/dall-e-2", "openai/dall-e-3").message == (
        "The model 'm' has no edit operation: OpenAI edited with dall-e-2 and the GPT image models only."
        " It does: generate."
    )
    assert refusal(edit, "openai/dall-e-3", "openai/gpt-image-2").violations[0].param == "model"


def test_every_fault_is_told_at_once() -> None:
    found = refusal(
        asks(Operation.EDIT, input_fidelity="low", output_format="webp", moderation="auto"),
        "openai/gpt-image-1",
        "azure/gpt-image-2",
    )

    assert [violation.param for violation in found.violations] == ["input_fidelity", "moderation", "output_format"]
    assert found.model == "m"


@pytest.mark.parametrize("value", [None, 7, True, ["url"], {"a": 1}], ids=["null", "number", "true", "list", "object"])
@pytest.mark.parametrize(
    "name", ["size", "quality", "style", "response_format", "n", "stream", "input_fidelity", "output_format"]
)
@pytest.mark.parametrize("contract", ["openai/dall-e-3", "openai/gpt-image-1"])
def test_values_of_wrong_types_are_refused_or_pass_and_break_nothing(
    contract: str, name: str, value: JsonValue
) -> None:
    found = attempt(asks(**{name: value}), contract, "openai/gpt-image-2")

    if isinstance(found, Translation):
        assert violations(found.request, CATALOGUE["openai/gpt-image-2"]) == ()
    else:
        assert name in [violation.param for violation in found]
