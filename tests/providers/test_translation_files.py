"""The rule for edits without a mask, and what a target asks of masks."""

import pytest
from msgspec.structs import replace

from imageway.contract.content import BytesContent
from imageway.contract.errors import UnsupportedError
from imageway.contract.request import ImageFacts, ImageFormat, ImageInput, ImageRequest, JsonValue, Operation
from imageway.contract.spec import ImageRules, MaskRules, ModelSpec
from imageway.providers.catalogue import load_catalogue
from imageway.providers.translation import translated

CATALOGUE = load_catalogue()
FACTS = ImageFacts(format=ImageFormat.PNG, width_px=64, height_px=64, has_alpha=True)
PHOTO = ImageInput(source=BytesContent(b"photo"), facts=FACTS, filename="me.png")
MASK = ImageInput(source=BytesContent(b"mask"), facts=FACTS, filename="hole.png")
TARGETS = ["openai/gpt-image-2", "openai/gpt-image-2.5-sunburst", "openai/gpt-image-2.6-flare", "azure/gpt-image-2"]
OLD = CATALOGUE["openai/dall-e-2"]


def asks(*images: ImageInput, mask: ImageInput | None = None, **params: JsonValue) -> ImageRequest:
    return ImageRequest(
        operation=Operation.EDIT, model="m", params={"prompt": "a kite", **params}, images=images, mask=mask
    )


def with_files(spec: ModelSpec, *, images: ImageRules | None = None, mask: MaskRules | None = None) -> ModelSpec:
    edit = spec.operations[Operation.EDIT]
    changed = replace(edit, images=images or edit.images, mask=mask or edit.mask)
    return replace(spec, operations={Operation.EDIT: changed})


@pytest.mark.parametrize("target", TARGETS)
def test_the_transparent_part_of_the_picture_is_its_mask(target: str) -> None:
    found = translated(asks(PHOTO, size="512x512", n=2), OLD, CATALOGUE[target])

    assert found.request == asks(
        PHOTO,
        mask=ImageInput(source=BytesContent(b"photo"), facts=FACTS, filename="mask"),
        size="816x816",
        n=2,
        quality="medium",
    )
    assert found.rules == ("size", "quality", "response-format", "mask-from-alpha")
    assert found.resize_to == (512, 512)
    assert found.links


@pytest.mark.parametrize("target", TARGETS)
def test_a_mask_means_the_same(target: str) -> None:
    found = translated(asks(PHOTO, mask=MASK), OLD, CATALOGUE[target])

    assert found.request == asks(PHOTO, mask=MASK, size="1024x1024", quality="medium")
    assert found.rules == ("size", "quality", "response-format")


def test_where_the_target_edits_the_transparent_part_too_nothing_is_added() -> None:
    assert translated(asks(PHOTO), OLD, OLD).request == asks(PHOTO)


def test_the_picture_as_a_mask_keeps_to_the_targets_limit() -> None:
    target = with_files(CATALOGUE["openai/gpt-image-2"], mask=MaskRules(formats=[ImageFormat.PNG], max_bytes=5))
    larger = replace(PHOTO, source=BytesContent(b"photos"))

    assert translated(asks(PHOTO), OLD, target).request.mask == replace(PHOTO, filename="mask")
    with pytest.raises(UnsupportedError) as caught:
        translated(asks(larger), OLD, target)

    assert caught.value.message == (
        "The file of mask 1 has 6 bytes; it must be less than 5.72205e-06 MB."
        " This comes of the translation rule 'mask-from-alpha'."
    )


def test_several_pictures_cannot_each_be_a_mask() -> None:
    rules = ImageRules(max_count=2, formats=[ImageFormat.PNG], max_bytes=100, alpha_without_mask=True)
    contract = with_files(OLD, images=rules)

    with pytest.raises(UnsupportedError) as caught:
        translated(asks(PHOTO, PHOTO), contract, CATALOGUE["openai/gpt-image-2"])

    assert caught.value.message == (
        "Each picture's transparent part is to be edited, but gpt-image-2 takes one mask, for the first."
        " Send one picture, or a mask."
    )


def test_an_edit_of_the_whole_is_refused_where_only_the_transparent_part_would_change() -> None:
    target = with_files(
        CATALOGUE["openai/gpt-image-1"],
        images=ImageRules(max_count=1, formats=[ImageFormat.PNG], max_bytes=100, alpha_without_mask=True),
    )

    assert translated(asks(PHOTO, mask=MASK), CATALOGUE["openai/gpt-image-1"], target).rules == ()
    with pytest.raises(UnsupportedError) as caught:
        translated(asks(PHOTO), CATALOGUE["openai/gpt-image-1"], target)

    assert caught.value.message == (
        "Without a mask gpt-image-1 edits only what is transparent in the picture, not the whole of it."
        " Send a mask that is transparent all over."
    )


def test_a_picture_that_the_target_does_not_take_is_refused() -> None:
    photo = replace(PHOTO, facts=replace(FACTS, format=ImageFormat.WEBP))

    assert translated(asks(photo), CATALOGUE["openai/gpt-image-1"], CATALOGUE["openai/gpt-image-2"]).rules == ()
    with pytest.raises(UnsupportedError) as caught:
        translated(asks(photo), CATALOGUE["openai/gpt-image-1"], CATALOGUE["azure/gpt-image-2"])

    assert [violation.param for violation in caught.value.violations] == ["image"]
