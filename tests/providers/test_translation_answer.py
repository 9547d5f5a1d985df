"""Links and bytes, and answers in the contract's words."""

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from imageway.contract.errors import UnsupportedError
from imageway.contract.request import ImageRequest, JsonValue, Operation
from imageway.contract.result import GeneratedImage, ImageResult, TokenDetails, Usage
from imageway.contract.spec import Size
from imageway.providers.catalogue import load_catalogue
from imageway.providers.translation import Translation, translated, translated_result

CATALOGUE = load_catalogue()
DRAWN = GeneratedImage.from_bytes(b"picture")
USAGE = Usage(total_tokens=3, input_tokens=1, output_tokens=2, input_tokens_details=TokenDetails(text_tokens=1))
ANSWER = ImageResult(
    created=7,
    images=(replace(DRAWN, revised_prompt="a red kite"), DRAWN),
    background="opaque",
    output_format="png",
    quality="medium",
    size="816x816",
    usage=USAGE,
    upstream_request_id="req_1",
)


def asks(**params: JsonValue) -> ImageRequest:
    return ImageRequest(operation=Operation.GENERATE, model="m", params={"prompt": "a kite", **params})


def onto(target: str, contract: str, **params: JsonValue) -> Translation:
    return translated(asks(**params), CATALOGUE[contract], CATALOGUE[target])


def answered(target: str, contract: str, answer: ImageResult, **params: JsonValue) -> ImageResult:
    return translated_result(answer, onto(target, contract, **params), CATALOGUE[contract])


@pytest.mark.parametrize("target", ["openai/gpt-image-2", "openai/gpt-image-2.6-sunburst", "azure/gpt-image-2"])
@pytest.mark.parametrize(
    ("stated", "links"),
    [
        ({}, True),
        ({"response_format": None}, True),
        ({"response_format": "url"}, True),
        ({"response_format": "b64_json"}, False),
    ],
    ids=["left-out", "null", "url", "b64_json"],
)
def test_links_are_made_where_the_contract_has_them(target: str, stated: dict[str, JsonValue], *, links: bool) -> None:
    found = onto(target, "openai/dall-e-2", **stated)

    assert found == Translation(
        request=asks(size="1024x1024", quality="medium"),
        rules=("size", "quality", "response-format"),
        links=links,
    )


def test_a_contract_that_only_has_links_gets_them() -> None:
    assert onto("azure/gpt-image-2", "azure/dall-e-2").links
    assert onto("azure/gpt-image-2", "azure/dall-e-2").rules == ("size", "quality", "response-format")


@pytest.mark.parametrize("stated", [{}, {"response_format": "url"}, {"response_format": "b64_json"}])
def test_a_target_with_links_of_its_own_is_asked_as_the_caller_asked(stated: dict[str, JsonValue]) -> None:
    assert onto("azure/dall-e-3", "openai/dall-e-3", **stated) == Translation(
        request=asks(**stated), keeps=("revised_prompt",)
    )


def test_a_picture_that_is_to_be_resized_comes_as_bytes() -> None:
    assert onto("openai/dall-e-3", "openai/dall-e-2", size="256x256") == Translation(
        request=asks(size="1024x1024", response_format="b64_json"),
        rules=("size", "response-format"),
        resize_to=(256, 256),
        links=True,
    )


def test_bytes_are_asked_for_where_the_target_gives_links_by_default() -> None:
    target = CATALOGUE["openai/dall-e-3"]
    generate = target.operations[Operation.GENERATE]
    plain = {name: domain for name, domain in generate.params.items() if name in {"prompt", "response_format"}}
    bare = replace(target, operations={Operation.GENERATE: replace(generate, params=plain)})

    found = translated(asks(), CATALOGUE["openai/gpt-image-1"], bare)

    assert found.request == asks(response_format="b64_json")
    assert found.rules == ("response-format",)
    assert not found.links


def test_bytes_cannot_be_had_from_a_target_with_links_only() -> None:
    with pytest.raises(UnsupportedError) as caught:
        onto("azure/dall-e-2", "openai/dall-e-2", response_format="b64_json")

    assert caught.value.message == "dall-e-2 answers with links only, never with 'b64_json'."
    assert [violation.param for violation in caught.value.violations] == ["response_format"]


def test_a_target_with_links_only_draws_nothing_that_is_to_be_resized() -> None:
    contract = CATALOGUE["azure/dall-e-2"]
    generate = contract.operations[Operation.GENERATE]
    odd = {**generate.params, "size": Size(values=["300x300"])}

    with pytest.raises(UnsupportedError) as caught:
        translated(
            asks(size="300x300"),
            replace(contract, operations={Operation.GENERATE: replace(generate, params=odd)}),
            contract,
        )

    assert [violation.message for violation in caught.value.violations] == [
        "A picture of this size is drawn larger and resized, but dall-e-2 answers with links only."
    ]


def test_an_answer_to_dall_e_2_is_nothing_but_pictures() -> None:
    assert answered("openai/gpt-image-2", "openai/dall-e-2", ANSWER, size="256x256") == ImageResult(
        created=7, images=(DRAWN, DRAWN), upstream_request_id="req_1"
    )


def test_an_answer_to_dall_e_3_keeps_a_revised_prompt() -> None:
    assert answered("openai/gpt-image-2", "openai/dall-e-3", ANSWER) == ImageResult(
        created=7, images=ANSWER.images, upstream_request_id="req_1"
    )


def test_an_answer_to_gpt_image_1_keeps_what_it_has_too() -> None:
    assert answered("openai/gpt-image-2", "openai/gpt-image-1", ANSWER) == replace(ANSWER, images=(DRAWN, DRAWN))


def test_a_value_that_the_contract_does_not_know_is_not_told() -> None:
    answer = replace(ANSWER, images=(DRAWN,), quality="xhigh")

    assert answered("openai/gpt-image-2.5-flare", "openai/gpt-image-1", answer) == replace(answer, quality=UNSET)


@pytest.mark.parametrize("answer", [ANSWER, replace(ANSWER, size=UNSET)], ids=["told", "not-told"])
def test_the_size_after_the_resizing_is_told(answer: ImageResult) -> None:
    contract = CATALOGUE["openai/gpt-image-1"]
    translation = replace(onto("openai/gpt-image-2", "openai/gpt-image-1"), resize_to=(512, 512))

    assert translated_result(answer, translation, contract).size == "512x512"
