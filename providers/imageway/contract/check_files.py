"""The pictures, mask and markup of a request against an operation's rules, judged by content."""

from collections.abc import Iterator, Sequence

from imageway.contract.errors import Violation
from imageway.contract.request import ImageFormat, ImageInput, ImageRequest, Scalar
from imageway.contract.spec import ImageRules, MaskRules, OperationSpec
from imageway.contract.wording import quoted_list

__all__ = ("file_violations",)


def file_violations(request: ImageRequest, operation: OperationSpec) -> Iterator[Violation]:
    """What is wrong with the files of *request*; several pictures are counted from 1 in the messages."""
    if operation.images is None:
        if request.images:
            yield _unknown_file("image")
    else:
        yield from _image_violations(request, operation.images)
    for name, file, rules in (
        ("mask", request.mask, operation.mask),
        ("markup", request.markup, operation.markup),
    ):
        if file is not None:
            yield from _mask_violations(name, file, rules, request)


def _image_violations(request: ImageRequest, rules: ImageRules) -> Iterator[Violation]:
    count = len(request.images)
    if not count and rules.min_count:
        yield _fault("image", "Missing required parameter: 'image'.", "missing_required_parameter", _counts(rules))
    elif count > rules.max_count:
        yield _fault(
            "image",
            f"Too many images: {count} were sent, allowed are {_counts(rules)}.",
            "invalid_value",
            _counts(rules),
        )
    for position, image in enumerate(request.images, start=1):
        yield from _format_violations("image", position, image, rules.formats)
        yield from _byte_violations("image", position, image, rules.max_bytes)
        if rules.square_only and image.facts.width_px != image.facts.height_px:
            yield _fault(
                "image",
                f"Image {position} is {_pixels(image)}; it must be square.",
                "invalid_image_format",
                "square pictures",
            )
        alpha_needed = rules.alpha_without_mask and request.mask is None and image.facts.format in rules.formats
        if alpha_needed and not image.facts.has_alpha:
            yield _fault(
                "image",
                f"Image {position} has no transparency and no mask came with it: the transparent part is edited.",
                "invalid_image_format",
                "a picture with an alpha channel, or a mask",
            )


def _mask_violations(
    name: str, file: ImageInput, rules: MaskRules | None, request: ImageRequest
) -> Iterator[Violation]:
    if rules is None:
        yield _unknown_file(name)
        return
    for other in rules.excludes:
        if getattr(request, other) is not None:
            yield _fault(name, f"'{name}' and '{other}' exclude each other.", "invalid_value", "either of the two")
    yield from _format_violations(name, 1, file, rules.formats)
    yield from _byte_violations(name, 1, file, rules.max_bytes)
    if rules.alpha_required and file.facts.format in rules.formats and not file.facts.has_alpha:
        yield _fault(
            name,
            f"Invalid {name} image format - {name} image missing alpha channel.",
            "invalid_image_format",
            "a picture with an alpha channel",
        )
    if request.images and _sizes_differ(file, request.images[0]):
        yield _fault(
            name,
            f"Invalid {name} image format - {name} size does not match image size:"
            f" {_pixels(file)} instead of {_pixels(request.images[0])}.",
            "invalid_image_format",
            _pixels(request.images[0]),
        )


def _format_violations(name: str, position: int, file: ImageInput, formats: list[ImageFormat]) -> Iterator[Violation]:
    allowed = sorted(format_.media_type for format_ in formats)
    if file.facts.format is ImageFormat.UNKNOWN:
        yield _fault(
            name,
            f"Invalid image file or mode for {name} {position}, please check your image file."
            f" Supported file formats are {quoted_list(allowed)}.",
            "invalid_image_file",
            list(allowed),
        )
    elif file.facts.format not in formats:
        kind = "several frames in one JPEG" if file.facts.format is ImageFormat.MPO else file.facts.format.media_type
        yield _fault(
            name,
            f"Invalid file '{name}' {position}: unsupported mimetype ('{kind}')."
            f" Supported file formats are {quoted_list(allowed)}.",
            "unsupported_file_mimetype",
            list(allowed),
        )
    elif file.facts.truncated:
        yield _fault(
            name,
            f"Invalid image file or mode for {name} {position}: the file is cut short, its end is missing.",
            "invalid_image_file",
            "a whole file",
        )
    elif file.facts.animated:
        yield _fault(
            name,
            f"Invalid image file or mode for {name} {position}: it is animated, only still pictures are taken.",
            "invalid_image_file",
            "a picture of one frame",
        )


def _byte_violations(name: str, position: int, file: ImageInput, max_bytes: int) -> Iterator[Violation]:
    if not file.size_bytes:
        yield _fault(name, f"The file of {name} {position} is empty.", "invalid_image_file", f"1 to {max_bytes} bytes")
    elif file.size_bytes > max_bytes:
        yield _fault(
            name,
            f"The file of {name} {position} has {file.size_bytes} bytes; it must be less than"
            f" {_megabytes(max_bytes + 1)} MB.",
            "invalid_image_format",
            f"1 to {max_bytes} bytes",
        )


def _unknown_file(name: str) -> Violation:
    return _fault(
        name, f"Unknown parameter: '{name}'. This operation takes no such file.", "unknown_parameter", "nothing"
    )


def _fault(param: str, message: str, code: str, allowed: Sequence[Scalar] | str) -> Violation:
    return Violation(param=param, message=message, code=code, allowed=allowed)


def _counts(rules: ImageRules) -> str:
    return f"{rules.min_count} to {rules.max_count} pictures" if rules.max_count > 1 else "exactly one picture"


def _sizes_differ(first: ImageInput, second: ImageInput) -> bool:
    """Whether both sizes are known, which they are for every format that a spec could allow, and not the same."""
    return min(first.facts.width_px, second.facts.width_px) > 0 and _pixels(first) != _pixels(second)


def _pixels(image: ImageInput) -> str:
    return f"{image.facts.width_px}x{image.facts.height_px}"


def _megabytes(count: int) -> str:
    return f"{count / 2**20:g}"
