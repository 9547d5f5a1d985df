"""A request's pictures, opened with suspicion and fitted to the asked size."""

import io
import struct
import threading
import warnings
import zlib

from PIL import Image, ImageFilter, ImageOps

from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.request import ImageInput

__all__ = ("covering", "fit", "fitted", "opened", "placed")

_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
_MOST_PIXELS = 50_000_000
_MOST_CROPPED = 0.12
_WARNINGS = threading.Lock()
"""Held while the process's warning filters are changed, which is not safe in several threads at once."""

_FAULTS = (
    OSError, ValueError, TypeError, SyntaxError, LookupError, ArithmeticError, Warning, struct.error, zlib.error,
    Image.DecompressionBombError,
)  # fmt: skip
"""What Pillow's readers are known to raise for broken files."""


def opened(file: ImageInput, position: int, param: str = "image") -> Image.Image:
    """*file* upright and as RGBA.

    Raises `ImageError` (invalid_request) for what is no picture, is broken, or has more than 50 million pixels; the
    size is judged by the header, before anything is decoded.
    """
    if file.facts.width_px * file.facts.height_px > _MOST_PIXELS:
        raise _refusal(position, param)
    try:
        with _WARNINGS, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(file.content), formats=_FORMATS) as picture:
                if picture.width * picture.height > _MOST_PIXELS:
                    raise _refusal(position, param)
                return _rgba(ImageOps.exif_transpose(picture))
    except _FAULTS as error:
        raise _refusal(position, param) from error


def fit(picture: Image.Image, size: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
    """The size and top left corner at which *picture* goes onto a canvas of *size*, never distorted.

    It covers the canvas where no more than an eighth of it is cut off, and lies within it otherwise.
    """
    across, down = size[0] / picture.width, size[1] / picture.height
    scale = max(across, down) if min(across, down) >= (1 - _MOST_CROPPED) * max(across, down) else min(across, down)
    width, height = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    return (width, height), ((size[0] - width) // 2, (size[1] - height) // 2)


def fitted(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """*picture* as large as it goes onto a canvas of *size*; see `fit`."""
    extent, _ = fit(picture, size)
    return picture if extent == picture.size else picture.resize(extent, Image.Resampling.LANCZOS)


def placed(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """*picture* (RGBA) on a transparent canvas of *size*."""
    canvas = Image.new("RGBA", size)
    canvas.paste(fitted(picture, size), fit(picture, size)[1])
    return canvas


def covering(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """*picture* (RGBA) on a canvas of *size*; what it leaves free is filled with its own blurred colours."""
    extent, corner = fit(picture, size)
    if extent[0] >= size[0] and extent[1] >= size[1]:
        return placed(picture, size)
    small = ImageOps.fit(picture, (max(1, size[0] // 8), max(1, size[1] // 8)), Image.Resampling.BOX)
    canvas = small.filter(ImageFilter.GaussianBlur(min(small.size) / 12)).resize(size, Image.Resampling.BICUBIC)
    canvas.paste(fitted(picture, size), corner)
    return canvas


def _rgba(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I"):
        # Pillow clips sixteen bits to eight where it should divide.
        picture = picture.convert("F").point(lambda value: value * (255 / 65535) + 0.0).convert("L")
    return picture.convert("RGBA")


def _refusal(position: int, param: str) -> ImageError:
    return ImageError(
        ErrorCode.INVALID_REQUEST,
        f"Invalid image file or mode for {param} {position}, please check your image file.",
        param=param,
        upstream_type="invalid_request_error",
        upstream_code="invalid_image_file",
    )
