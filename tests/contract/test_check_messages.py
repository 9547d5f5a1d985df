"""What a refused caller reads, each sentence in full; and the limits, on both sides."""

from datetime import date
from typing import Any

import pytest

from case_pictures import picture
from imageway.contract.check import accepting, hinted, violations
from imageway.contract.content import BytesContent
from imageway.contract.errors import Violation
from imageway.contract.request import ImageFacts, ImageFormat, ImageInput, ImageRequest, Operation
from imageway.contract.sniff import image_input
from imageway.contract.spec import (
    Choice,
    Flag,
    Group,
    ImageRules,
    Integer,
    Lifecycle,
    MaskRules,
    ModelSpec,
    OperationSpec,
    Output,
    Param,
    Price,
    Size,
    SizeGrid,
    Text,
)

PROMPT = Text(required=True, nullable=False, min_chars=1, max_chars=10)
FORMATS = Choice(values=["png", "jpeg", "webp", "svg"], default="png")
GRID = SizeGrid(multiple_of_px=16, max_edge_px=3840, max_ratio=3.0, min_pixels=655360, max_pixels=8294400)
USER_ERROR = "image_generation_user_error"


def spec(params: dict[str, Param], **operation: Any) -> ModelSpec:
    """A model whose generation takes a prompt and *params*; *operation* sets more of it."""
    generate = OperationSpec(params={"prompt": PROMPT, **params}, output=Output(), source="test", **operation)
    return ModelSpec(
        kind="test",
        model="m",
        family="test",
        checked=date(2026, 11, 23),
        lifecycle=Lifecycle(status="active", source="test"),
        operations={Operation.GENERATE: generate},
        price=Price(source="test"),
        unsupported={Operation.EDIT: "it only draws"},
    )


def request(images: tuple[bytes, ...] = (), mask: bytes | None = None, **params: Any) -> ImageRequest:
    return ImageRequest(
        operation=Operation.GENERATE,
        model="m",
        params={"prompt": "a fox", **params},
        images=tuple(image_input(image) for image in images),
        mask=None if mask is None else image_input(mask),
    )


def only(request: ImageRequest, model: ModelSpec) -> Violation:
    """The one thing that is wrong with *request*."""
    (violation,) = violations(request, model)
    return violation


def test_a_request_within_the_spec_has_no_violations() -> None:
    assert violations(request(n=2), spec({"n": Integer(min=1, max=10)})) == ()


def test_an_operation_that_the_model_lacks() -> None:
    asked = ImageRequest(operation=Operation.EDIT, model="house-model", params={"nonsense": 1})

    assert only(asked, spec({})) == Violation(
        param="model",
        message="The model 'house-model' has no edit operation: it only draws. It does: generate.",
        code="invalid_value",
        type=USER_ERROR,
        value="house-model",
        allowed=["generate"],
    )


def test_an_operation_that_nobody_wrote_a_reason_for() -> None:
    asked = ImageRequest(operation=Operation.VARIATION, model="m", params={})

    assert only(asked, spec({})).message == (
        "The model 'm' has no variation operation: m has no variation operation. It does: generate."
    )


def test_an_unknown_parameter() -> None:
    assert only(request(seed=42), spec({"n": Integer(min=1, max=10)})) == Violation(
        param="seed",
        message="Unknown parameter: 'seed'. Parameters here: 'n' and 'prompt'.",
        code="unknown_parameter",
        value=42,
        allowed=["n", "prompt"],
    )


def test_an_unknown_file() -> None:
    assert only(request(images=(picture(),)), spec({})) == Violation(
        param="image",
        message="Unknown parameter: 'image'. This operation takes no such file.",
        code="unknown_parameter",
        allowed="nothing",
    )
    assert only(request(mask=picture()), spec({})).param == "mask"


def test_a_missing_prompt() -> None:
    asked = ImageRequest(operation=Operation.GENERATE, model="m", params={})

    assert only(asked, spec({})) == Violation(
        param="prompt",
        message="Missing required parameter: 'prompt'.",
        code="missing_required_parameter",
        allowed="text of 1 to 10 characters",
    )


def test_a_missing_text_without_a_limit() -> None:
    caption = Text(required=True, min_chars=2)

    assert only(request(), spec({"caption": caption})).allowed == "text of at least 2 characters"
    assert only(request(caption="x"), spec({"caption": caption})).allowed == "at least 2 characters"


def test_an_empty_prompt() -> None:
    assert only(request(prompt=""), spec({})) == Violation(
        param="prompt",
        message="Invalid 'prompt': empty string. Expected a string with minimum length 1.",
        code="empty_string",
        allowed="1 to 10 characters",
    )


def test_a_long_prompt_is_counted_and_never_repeated() -> None:
    assert only(request(prompt="x" * 11), spec({})) == Violation(
        param="prompt",
        message=(
            "Invalid 'prompt': string too long. Expected a string with maximum length 10,"
            " but got a string with length 11 instead."
        ),
        code="string_above_max_length",
        allowed="1 to 10 characters",
    )


@pytest.mark.parametrize("letter", ["x", "é", "狐", "🦊"])
def test_a_prompt_is_counted_in_code_points(letter: str) -> None:
    assert violations(request(prompt=letter * 10), spec({})) == ()
    assert only(request(prompt=letter * 11), spec({})).code == "string_above_max_length"


def test_white_space_is_a_prompt() -> None:
    assert violations(request(prompt=" "), spec({})) == ()


@pytest.mark.parametrize(
    ("param", "value", "expected", "allowed"),
    [
        (Text(), 5, "a string, but got an integer", "text"),
        (Text(nullable=False), None, "a string, but got null", "text"),
        (Integer(min=1, max=10), "2", "an integer, but got a string", "1 to 10"),
        (Integer(min=1, max=10), 1.5, "an integer, but got a decimal number", "1 to 10"),
        (Integer(min=1, max=10), True, "an integer, but got a boolean", "1 to 10"),
        (Choice(values=["a", "b"]), 1, "one of 'a' or 'b', but got an integer", ["a", "b"]),
        (Flag(), "true", "a boolean, but got a string", [True, False]),
        (Size(values=["auto"]), 1024, "a string, but got an integer", ["auto"]),
        (Group(fields={"model": Text()}), "x", "an object, but got a string", ["model"]),
    ],
    ids=lambda part: type(part).__name__,
)
def test_a_value_of_the_wrong_type(param: Param, value: Any, expected: str, allowed: object) -> None:
    assert only(request(p=value), spec({"p": param})) == Violation(
        param="p",
        message=f"Invalid type for 'p': expected {expected} instead.",
        code="invalid_type",
        value=value,
        allowed=allowed,  # type: ignore[arg-type]  # the table's column
    )


@pytest.mark.parametrize(("value", "word"), [([1], "an array"), ({"a": 1}, "an object")])
def test_a_nested_value_is_told_by_its_type_only(value: Any, word: str) -> None:
    found = only(request(n=value), spec({"n": Integer(min=1, max=10)}))

    assert found.message == f"Invalid type for 'n': expected an integer, but got {word} instead."
    assert found.value == word


@pytest.mark.parametrize(
    "param",
    [
        Text(),
        Integer(min=1, max=10),
        Choice(values=["a"]),
        Flag(),
        Size(values=["auto"]),
        Group(fields={"model": Text()}),
    ],
    ids=lambda param: type(param).__name__,
)
def test_null_counts_as_left_out_where_the_vendor_takes_it(param: Param) -> None:
    assert violations(request(p=None), spec({"p": param})) == ()


@pytest.mark.parametrize("n", [1, 10])
def test_n_within_its_range(n: int) -> None:
    assert violations(request(n=n), spec({"n": Integer(min=1, max=10)})) == ()


def test_n_below_its_range() -> None:
    assert only(request(n=0), spec({"n": Integer(min=1, max=10)})) == Violation(
        param="n",
        message="Invalid 'n': integer below minimum value. Expected a value >= 1, but got 0 instead.",
        code="integer_below_min_value",
        value=0,
        allowed="1 to 10",
    )


def test_n_above_its_range() -> None:
    assert only(request(n=11), spec({"n": Integer(min=1, max=10)})) == Violation(
        param="n",
        message="Invalid 'n': integer above maximum value. Expected a value <= 10, but got 11 instead.",
        code="integer_above_max_value",
        value=11,
        allowed="1 to 10",
    )


def test_a_choice_that_is_not_listed() -> None:
    assert only(request(quality="ultra"), spec({"quality": Choice(values=["low", "high", "auto"])})) == Violation(
        param="quality",
        message="Invalid value: 'ultra'. Supported values are: 'low', 'high', and 'auto'.",
        code="invalid_value",
        value="ultra",
        allowed=["low", "high", "auto"],
    )


def test_a_choice_where_there_is_one_value_only() -> None:
    found = only(request(quality="hd"), spec({"quality": Choice(values=["standard"])}))

    assert found.message == "Invalid value: 'hd'. Value must be 'standard'."


def test_a_long_value_is_cut() -> None:
    found = only(request(quality="x" * 65), spec({"quality": Choice(values=["standard"])}))

    assert found.value == "x" * 64 + "…"
    assert found.message == f"Invalid value: '{'x' * 64}…'. Value must be 'standard'."


def test_a_size_that_is_not_listed() -> None:
    assert only(request(size="300x300"), spec({"size": Size(values=["256x256", "512x512"])})) == Violation(
        param="size",
        message="Invalid size '300x300'. Supported sizes are: '256x256' and '512x512'.",
        code="invalid_value",
        type=USER_ERROR,
        value="300x300",
        allowed=["256x256", "512x512"],
    )


@pytest.mark.parametrize(
    ("size", "reason"),
    [
        ("bogus", "Expected WIDTHxHEIGHT, for example '1824x1024'."),
        ("01024x1024", "Expected WIDTHxHEIGHT, for example '1824x1024'."),
        ("1024x1024\n", "Expected WIDTHxHEIGHT, for example '1824x1024'."),
        ("1024X1024", "Expected WIDTHxHEIGHT, for example '1824x1024'."),
        ("1024x1032", "Width and height must both be divisible by 16."),
        ("1032x1024", "Width and height must both be divisible by 16."),
        ("3856x2144", "The longest edge must be less than or equal to 3840."),
        ("1040x3856", "The longest edge must be less than or equal to 3840."),
        ("3088x1024", "The longer edge must not exceed 3 times the shorter one."),
        ("1024x3088", "The longer edge must not exceed 3 times the shorter one."),
        ("1024x624", "Requested resolution is below the current minimum pixel budget of 655360 pixels."),
        ("3840x2176", "Requested resolution is above the current maximum pixel budget of 8294400 pixels."),
    ],
)
def test_a_size_off_the_grid(size: str, reason: str) -> None:
    assert only(request(size=size), spec({"size": Size(values=["auto"], grid=GRID)})) == Violation(
        param="size",
        message=f"Invalid size '{size}'. {reason}",
        code="invalid_value",
        type=USER_ERROR,
        value=size,
        allowed=[
            "auto",
            "WIDTHxHEIGHT in steps of 16 px, edges up to 3840 px, at most 3:1, 655360 to 8294400 pixels",
        ],
    )


@pytest.mark.parametrize("size", ["auto", "1024x1024", "3072x1024", "1024x3072", "1024x640", "3840x2160", "2160x3840"])
def test_a_size_on_the_edge_of_the_grid(size: str) -> None:
    assert violations(request(size=size), spec({"size": Size(values=["auto"], grid=GRID)})) == ()


SVG = Group(
    fields={"model": Text(), "reasoning": Group(fields={"effort": Choice(values=["low", "high"])})},
    only_with={"output_format": ["svg"]},
)


def test_an_unknown_field_of_an_object() -> None:
    asked = request(output_format="svg", svg={"colour": "red", "reasoning": {"depth": 3}})

    assert violations(asked, spec({"output_format": FORMATS, "svg": SVG})) == (
        Violation(
            param="svg.colour",
            message="Unknown parameter: 'svg.colour'. Parameters here: 'model' and 'reasoning'.",
            code="unknown_parameter",
            allowed=["model", "reasoning"],
        ),
        Violation(
            param="svg.reasoning.depth",
            message="Unknown parameter: 'svg.reasoning.depth'. Parameters here: 'effort'.",
            code="unknown_parameter",
            allowed=["effort"],
        ),
    )


def test_a_bad_field_of_an_object() -> None:
    found = only(
        request(output_format="svg", svg={"model": "m", "reasoning": {"effort": "huge"}}),
        spec({"output_format": FORMATS, "svg": SVG}),
    )

    assert (found.param, found.message) == (
        "svg.reasoning.effort",
        "Invalid value: 'huge'. Supported values are: 'low' and 'high'.",
    )


def test_an_object_for_another_format() -> None:
    found = only(request(svg={"model": "m"}), spec({"output_format": FORMATS, "svg": SVG}))

    assert found == Violation(
        param="svg",
        message="'svg' is an object, which needs output_format 'svg'; output_format is 'png'.",
        code="invalid_value",
        value="an object",
        allowed="only with output_format 'svg'",
    )


COMPRESSION = Integer(min=0, max=100, only_with={"output_format": ["jpeg", "webp"]}, harmless=[100])


def test_compression_of_a_format_without_any() -> None:
    found = only(request(output_compression=99), spec({"output_format": FORMATS, "output_compression": COMPRESSION}))

    assert found == Violation(
        param="output_compression",
        message=(
            "Compression less than 100 is not supported for PNG output format; it needs output_format 'jpeg' or 'webp'."
        ),
        code="invalid_png_output_compression",
        type=USER_ERROR,
        value=99,
        allowed="100, or output_format 'jpeg' or 'webp'",
    )


def test_compression_of_a_format_other_than_png() -> None:
    found = only(
        request(output_compression=99, output_format="svg"),
        spec({"output_format": FORMATS, "output_compression": COMPRESSION}),
    )

    assert (found.code, found.message) == (
        "invalid_value",
        "'output_compression' is 99, which needs output_format 'jpeg' or 'webp'; output_format is 'svg'.",
    )


@pytest.mark.parametrize(
    "params",
    [
        {"output_compression": 100},
        {"output_compression": None},
        {"output_compression": 99, "output_format": "jpeg"},
        {"output_compression": 0, "output_format": "webp"},
    ],
    ids=str,
)
def test_compression_that_is_harmless_or_met(params: dict[str, Any]) -> None:
    assert violations(request(**params), spec({"output_format": FORMATS, "output_compression": COMPRESSION})) == ()


def test_a_condition_takes_null_for_the_default() -> None:
    found = only(
        request(output_compression=50, output_format=None),
        spec({"output_format": FORMATS, "output_compression": COMPRESSION}),
    )

    assert found.code == "invalid_png_output_compression"


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"output_compression": "50"}, "output_compression"),
        ({"output_compression": 101}, "output_compression"),
        ({"output_compression": 50, "output_format": "jpg"}, "output_format"),
    ],
    ids=str,
)
def test_a_faulty_value_is_told_once_and_meets_no_conditions(params: dict[str, Any], param: str) -> None:
    found = only(request(**params), spec({"output_format": FORMATS, "output_compression": COMPRESSION}))

    assert found.param == param


BACKGROUND = Choice(
    values=["transparent", "opaque"], values_only_with={"transparent": {"output_format": ["png", "webp"]}}
)


def test_a_transparent_background_of_a_format_without_alpha() -> None:
    assert only(
        request(background="transparent", output_format="jpeg"),
        spec({"output_format": FORMATS, "background": BACKGROUND}),
    ) == Violation(
        param="background",
        message=(
            "Transparent background is not supported for JPEG output format; it needs output_format 'png' or 'webp'."
        ),
        code="invalid_value",
        value="transparent",
        allowed="only with output_format 'png' or 'webp'",
    )


@pytest.mark.parametrize(
    "params",
    [
        {"background": "opaque", "output_format": "jpeg"},
        {"background": "transparent"},
        {"background": "transparent", "output_format": "webp"},
    ],
    ids=str,
)
def test_a_background_that_its_format_can_show(params: dict[str, Any]) -> None:
    assert violations(request(**params), spec({"output_format": FORMATS, "background": BACKGROUND})) == ()


def test_a_choice_that_needs_another_parameter() -> None:
    pace = Choice(values=["slow"], only_with={"stream": [True]})

    assert only(request(pace="slow"), spec({"stream": Flag(), "pace": pace})).message == (
        "'pace' is 'slow', which needs stream 'true'; stream is 'false'."
    )
    assert violations(request(pace="slow", stream=True), spec({"stream": Flag(), "pace": pace})) == ()


@pytest.mark.parametrize(
    ("name", "value", "told", "allowed"),
    [("n", 2, "2", 1), ("stream", True, "true", False), ("partial_images", 1, "1", 0)],
)
def test_an_svg_is_drawn_alone_and_at_once(name: str, value: Any, told: str, allowed: Any) -> None:
    params: dict[str, Param] = {
        "output_format": FORMATS,
        "n": Integer(min=1, max=10),
        "stream": Flag(),
        "partial_images": Integer(min=0, max=3),
    }
    model = spec(params, rules=["svg_draws_one"])

    assert only(request(output_format="svg", **{name: value}), model) == Violation(
        param=name,
        message=f"'{name}' is {told}; with output_format 'svg' it must be {str(allowed).lower()}.",
        code="invalid_value",
        value=value,
        allowed=[allowed],
    )
    assert violations(request(output_format="svg", **{name: allowed}), model) == ()
    assert violations(request(output_format="svg", **{name: None}), model) == ()
    assert violations(request(output_format="png", **{name: value}), model) == ()


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
