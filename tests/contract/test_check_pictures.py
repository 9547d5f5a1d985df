"""What a refused caller reads of pictures, masks and markups, and of a request as a whole."""

from typing import Any

from case_pictures import picture
from fakes.checked import COMPRESSION, FORMATS, only, request, spec
from imageway.contract.check import accepting, hinted, violations
from imageway.contract.content import BytesContent
from imageway.contract.errors import Violation
from imageway.contract.request import ImageFacts, ImageFormat, ImageInput, ImageRequest, Operation
from imageway.contract.sniff import image_input
from imageway.contract.spec import (
    Choice,
    ImageRules,
    Integer,
    MaskRules,
    ModelSpec,
    Param,
    Size,
)


def edits(**rules: Any) -> ModelSpec:
    """A model that takes one or two pictures up to 300 bytes, a mask and a markup."""
    return spec(
        {},
        images=ImageRules(
            **{"max_count": 2, "formats": [ImageFormat.PNG, ImageFormat.WEBP], "max_bytes": 400, **rules}
        ),
        mask=MaskRules(formats=[ImageFormat.PNG], max_bytes=400),
        markup=MaskRules(formats=[ImageFormat.PNG], max_bytes=400, excludes=["mask"]),
    )


def test_no_picture() -> None:
    assert only(request(), edits()) == Violation(
        param="image",
        message="Missing required parameter: 'image'.",
        code="missing_required_parameter",
        allowed="1 to 2 pictures",
    )
    assert only(request(), edits(max_count=1)).allowed == "exactly one picture"
    assert violations(request(), edits(min_count=0)) == ()


def test_too_many_pictures() -> None:
    assert violations(request(images=(picture(),) * 2), edits()) == ()
    assert only(request(images=(picture(),) * 3), edits()) == Violation(
        param="image",
        message="Too many images: 3 were sent, allowed are 1 to 2 pictures.",
        code="invalid_value",
        allowed="1 to 2 pictures",
    )


def test_a_picture_that_is_none() -> None:
    assert only(request(images=(picture(), b"hello")), edits()) == Violation(
        param="image",
        message=(
            "Invalid image file or mode for image 2, please check your image file."
            " Supported file formats are 'image/png' and 'image/webp'."
        ),
        code="invalid_image_file",
        allowed=["image/png", "image/webp"],
    )


def test_a_picture_of_a_format_that_is_not_taken() -> None:
    assert only(request(images=(picture("gif", mode="RGB"),)), edits(max_bytes=4000)) == Violation(
        param="image",
        message=(
            "Invalid file 'image' 1: unsupported mimetype ('image/gif')."
            " Supported file formats are 'image/png' and 'image/webp'."
        ),
        code="unsupported_file_mimetype",
        allowed=["image/png", "image/webp"],
    )


def of(format_: ImageFormat, **facts: Any) -> ImageInput:
    return ImageInput(source=BytesContent(b"x"), facts=ImageFacts(format=format_, **facts))


def edit_of(*images: ImageInput, mask: ImageInput | None = None, markup: ImageInput | None = None) -> ImageRequest:
    return ImageRequest(
        operation=Operation.GENERATE, model="m", params={"prompt": "p"}, images=images, mask=mask, markup=markup
    )


def test_a_phones_picture_with_more_frames() -> None:
    assert only(edit_of(of(ImageFormat.MPO)), edits()).message == (
        "Invalid file 'image' 1: unsupported mimetype ('several frames in one JPEG')."
        " Supported file formats are 'image/png' and 'image/webp'."
    )


def test_an_animated_picture() -> None:
    assert only(edit_of(of(ImageFormat.PNG, animated=True)), edits()) == Violation(
        param="image",
        message="Invalid image file or mode for image 1: it is animated, only still pictures are taken.",
        code="invalid_image_file",
        allowed="a picture of one frame",
    )


def test_the_largest_picture_passes_and_one_byte_more_does_not() -> None:
    size = len(picture())

    assert violations(request(images=(picture(),)), edits(max_bytes=size)) == ()
    assert only(request(images=(picture(),)), edits(max_bytes=size - 1)).code == "invalid_image_format"


def test_a_picture_that_is_too_large() -> None:
    large = picture(padded_to=4 * 2**20)

    assert only(request(images=(large,)), edits(max_bytes=4 * 2**20 - 1)) == Violation(
        param="image",
        message="The file of image 1 has 4194304 bytes; it must be less than 4 MB.",
        code="invalid_image_format",
        allowed="1 to 4194303 bytes",
    )


def test_an_empty_file() -> None:
    unreadable, empty = violations(request(images=(b"",)), edits())

    assert unreadable.code == "invalid_image_file"
    assert empty == Violation(
        param="image", message="The file of image 1 is empty.", code="invalid_image_file", allowed="1 to 400 bytes"
    )


def test_a_picture_that_is_not_square() -> None:
    assert violations(request(images=(picture(height=48),)), edits()) == ()
    assert only(request(images=(picture(height=48),)), edits(square_only=True)) == Violation(
        param="image",
        message="Image 1 is 64x48; it must be square.",
        code="invalid_image_format",
        allowed="square pictures",
    )


def test_an_opaque_picture_without_a_mask() -> None:
    opaque = picture(mode="RGB")

    assert only(request(images=(opaque,)), edits(alpha_without_mask=True)) == Violation(
        param="image",
        message="Image 1 has no transparency and no mask came with it: the transparent part is edited.",
        code="invalid_image_format",
        allowed="a picture with an alpha channel, or a mask",
    )
    assert violations(request(images=(opaque,), mask=picture()), edits(alpha_without_mask=True)) == ()
    assert violations(request(images=(picture(),)), edits(alpha_without_mask=True)) == ()


def test_a_mask_without_alpha() -> None:
    assert only(request(images=(picture(),), mask=picture(mode="RGB")), edits()) == Violation(
        param="mask",
        message="Invalid mask image format - mask image missing alpha channel.",
        code="invalid_image_format",
        allowed="a picture with an alpha channel",
    )


def test_a_mask_of_another_size_than_the_first_picture() -> None:
    small, large = picture(), picture(height=80)

    assert violations(request(images=(small, large), mask=small), edits()) == ()
    assert only(request(images=(small, large), mask=large), edits()) == Violation(
        param="mask",
        message="Invalid mask image format - mask size does not match image size: 64x80 instead of 64x64.",
        code="invalid_image_format",
        allowed="64x64",
    )


def test_a_mask_that_is_no_picture_is_told_once() -> None:
    found = only(request(images=(picture(),), mask=b"hello"), edits())

    assert found.message == (
        "Invalid image file or mode for mask 1, please check your image file. Supported file formats are 'image/png'."
    )


def test_a_mask_beside_a_picture_that_is_none_is_not_blamed() -> None:
    found = only(request(images=(b"hello",), mask=picture()), edits(alpha_without_mask=True))

    assert found.param == "image"


def test_a_markup_beside_a_mask() -> None:
    still = image_input(picture())

    assert violations(edit_of(still, markup=still), edits()) == ()
    assert only(edit_of(still, mask=still, markup=still), edits()) == Violation(
        param="markup",
        message="'markup' and 'mask' exclude each other.",
        code="invalid_value",
        allowed="either of the two",
    )


def test_violations_come_in_the_order_of_the_vendor() -> None:
    params: dict[str, Param] = {
        "style": Choice(values=["vivid"]),
        "size": Size(values=["256x256"]),
        "output_format": FORMATS,
        "output_compression": COMPRESSION,
        "quality": Choice(values=["low"]),
        "n": Integer(min=1, max=10),
    }
    asked = request(
        style="x", size="x", output_compression=-1, quality="x", n=0, prompt="", seed=1, images=(b"x",), mask=b"x"
    )
    model = spec(params, images=ImageRules(max_count=1, formats=[ImageFormat.PNG], max_bytes=100))

    assert [violation.param for violation in violations(asked, model)] == [
        *("seed", "mask", "prompt", "image", "n", "quality", "output_compression", "size", "style"),
    ]


def test_accepting_names_the_models_that_take_the_request() -> None:
    specs = {
        "one": spec({"n": Integer(min=1, max=1)}),
        "ten": spec({"n": Integer(min=1, max=10)}),
        "none": spec({}),
        "four": spec({"n": Integer(min=1, max=4)}),
    }

    assert accepting(request(n=2), specs) == ("ten", "four")
    assert accepting(request(n=11), specs) == ()


def test_hints_name_for_each_fault_the_models_that_see_none_there() -> None:
    specs = {
        "many": spec({"n": Integer(min=1, max=10), "quality": Choice(values=["low"])}),
        "fine": spec({"n": Integer(min=1, max=1), "quality": Choice(values=["hd"])}),
    }
    edit = ImageRequest(operation=Operation.EDIT, model="m", params={})
    asked = request(n=2, quality="hd")
    own = spec({"n": Integer(min=1, max=1), "quality": Choice(values=["standard"])})

    told = hinted(asked, violations(asked, own), specs)

    assert [(violation.param, violation.accepted_by) for violation in told] == [
        ("n", ("many",)),
        ("quality", ("fine",)),
    ]
    assert [violation.accepted_by for violation in hinted(edit, violations(edit, own), specs)] == [()]
