"""What is done to a request that is beyond its model, where a task asks for it: named changes, none of them silent."""

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec.structs import replace

from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.request import ImageFormat, ImageInput, ImageRequest
from imageway.contract.sniff import image_input
from imageway.contract.spec import ImageRules, ModelSpec, Text

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ("fixed",)

_MAX_PIXELS = 178_956_970
_MOST_TRIES = 12
_SHRINK = 0.9
_WRITABLE = (ImageFormat.PNG, ImageFormat.WEBP, ImageFormat.JPEG)


def fixed(request: ImageRequest, spec: ModelSpec) -> tuple[ImageRequest, tuple[str, ...]]:
    """*request* with what can be mended mended, and each change in words; without changes it is the same request.

    A prompt that is too long is cut at a word's end. Pictures are written anew where they have to be: as PNG with an
    alpha channel, padded to a square, scaled down below the limit of bytes. Their count is never changed. Blocks: not
    for the event loop. Raises `ImageError` where Pillow is missing or can't read a picture.
    """
    operation = spec.operations.get(request.operation)
    if operation is None:
        return request, ()
    told: list[str] = []
    params = dict(request.params)
    for name, rule in operation.params.items():
        text = params.get(name)
        if isinstance(rule, Text) and rule.max_chars is not None and isinstance(text, str):
            params[name] = _cut(text, rule.max_chars)
            if params[name] != text:
                told.append(f"{name} cut from {len(text):,} to {len(str(params[name])):,} characters")
    images = list(request.images)
    if operation.images is not None:
        for index, image in enumerate(images):
            images[index], changes = _mended(image, operation.images, masked=request.mask is not None)
            told += [f"picture {index + 1} {change}" for change in changes]
    return replace(request, params=params, images=tuple(images)), tuple(told)


def _cut(text: str, max_chars: int) -> str:
    if len(text) <= max_chars:
        return text
    head = text[:max_chars]
    if not (text[max_chars].isspace() or head[-1:].isspace()):
        # A text that is one long word is cut within it.
        words = head.rsplit(maxsplit=1)
        head = words[0] if len(words) > 1 else head
    return head.rstrip()


def _mended(image: ImageInput, rules: ImageRules, *, masked: bool) -> tuple[ImageInput, list[str]]:
    facts = image.facts
    needs_alpha = rules.alpha_without_mask and not masked and not facts.has_alpha
    needs_square = rules.square_only and facts.width_px != facts.height_px
    needs_format = facts.format not in rules.formats
    is_large = len(image.content) > rules.max_bytes
    target = next((format_ for format_ in _WRITABLE if format_ in rules.formats), None)
    if target is None or facts.truncated or not (needs_alpha or needs_square or needs_format or is_large):
        return image, []
    picture, changes = _opened(image)
    if needs_format or facts.format is not target:
        changes.append(f"written as {target.value.upper()}")
    if needs_alpha:
        changes.append("given an alpha channel")
    picture = picture.convert("RGBA" if needs_alpha or needs_square or picture.has_transparency_data else "RGB")
    if target is ImageFormat.JPEG:
        picture = picture.convert("RGB")
    if needs_square and picture.width != picture.height:
        picture = _squared(picture)
        changes.append(f"padded to a square of {picture.width} px")
    content, size = _under(picture, target, rules.max_bytes)
    if size != picture.size:
        changes.append(f"scaled to {size[0]}x{size[1]} px, to be at most {rules.max_bytes:,} bytes")
    return image_input(content, image.filename), changes


def _opened(image: ImageInput) -> tuple["Image", list[str]]:
    """The first frame, upright; and what this alone changes."""
    try:
        from PIL import Image, ImageOps, UnidentifiedImageError
    except ImportError as error:
        raise ImageError(
            ErrorCode.INVALID_REQUEST, "Mending pictures needs Pillow: pip install 'imageway[images]'.", param="image"
        ) from error
    try:
        with Image.open(io.BytesIO(image.content)) as opened:
            if opened.width * opened.height > _MAX_PIXELS:
                raise _unmended(f"it has more than {_MAX_PIXELS:,} pixels")
            frames = getattr(opened, "n_frames", 1)
            upright = ImageOps.exif_transpose(opened)
            turned = upright.size != opened.size
            upright.load()
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError) as error:
        raise _unmended(f"it can't be read ({type(error).__name__})") from error
    changes = [f"taken by the first of its {frames} frames"] if frames > 1 else []
    return upright, [*changes, "turned as its EXIF says"] if turned else changes


def _squared(picture: "Image") -> "Image":
    from PIL import Image

    edge = max(picture.size)
    square = Image.new(picture.mode, (edge, edge), (0, 0, 0, 0) if picture.mode == "RGBA" else (255, 255, 255))
    square.paste(picture, ((edge - picture.width) // 2, (edge - picture.height) // 2))
    return square


def _under(picture: "Image", target: ImageFormat, max_bytes: int) -> tuple[bytes, tuple[int, int]]:
    for size in _sizes(picture.size):
        scaled = picture if size == picture.size else picture.resize(size)
        content = _written(scaled, target)
        if len(content) <= max_bytes:
            return content, size
    raise _unmended(f"it stays larger than {max_bytes:,} bytes, however small it is made")


def _sizes(size: tuple[int, int]) -> Iterator[tuple[int, int]]:
    scale = 1.0
    for _ in range(_MOST_TRIES):
        yield max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
        scale *= _SHRINK if scale > 0.5 else 0.7


def _written(picture: "Image", target: ImageFormat) -> bytes:
    file = io.BytesIO()
    match target:
        case ImageFormat.WEBP:
            picture.save(file, "WEBP", lossless=True)
        case ImageFormat.JPEG:
            picture.save(file, "JPEG", quality=95)
        case _:
            picture.save(file, "PNG")
    return file.getvalue()


def _unmended(reason: str) -> ImageError:
    return ImageError(ErrorCode.INVALID_REQUEST, f"The picture can't be mended: {reason}.", param="image")
