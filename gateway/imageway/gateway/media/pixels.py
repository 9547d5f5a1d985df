"""Work on a picture's pixels with Pillow. It blocks for long: not for the event loop."""

import io
import struct
import zlib
from typing import Any

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile, get_sampling

from imageway.contract.sniff import sniff

__all__ = ("resized",)

_FORMATS = ("PNG", "JPEG", "WEBP")
_MOST_PIXELS = 50_000_000
_WEBP_QUALITY = 90

_FAULTS = (
    OSError, ValueError, TypeError, SyntaxError, LookupError, ArithmeticError, struct.error, zlib.error,
    Image.DecompressionBombError,
)  # fmt: skip
"""What Pillow's readers are known to raise for broken files."""


def resized(content: bytes, width_px: int, height_px: int) -> bytes:
    """*content* at exactly that size and in its own format, untouched where it has that size.

    Alpha, colour profile, EXIF, bits per channel and JPEG's quality stay; a palette becomes RGB or RGBA, and other
    metadata go. Raises `ValueError` for what isn't a still PNG, JPEG or WebP, is broken, or has more than 50 million
    pixels, before or after; the header decides, before anything is decoded.
    """
    if width_px < 1 or height_px < 1 or width_px * height_px > _MOST_PIXELS:
        raise ValueError(f"a picture can't become {width_px}x{height_px}: 1 to {_MOST_PIXELS} pixels are allowed")
    facts = sniff(content)
    _check_size(facts.width_px, facts.height_px)
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as picture:
            return _resized(picture, content, (width_px, height_px))
    except _PictureError:
        raise
    except _FAULTS as error:
        raise ValueError(f"the picture is no PNG, JPEG or WebP, or is broken ({type(error).__name__})") from error


class _PictureError(ValueError):
    """A fault that already has its words."""


def _check_size(width_px: int, height_px: int) -> None:
    if width_px * height_px > _MOST_PIXELS:
        raise _PictureError(f"the picture is {width_px}x{height_px}: more than {_MOST_PIXELS} pixels")


def _resized(picture: Image.Image, content: bytes, size: tuple[int, int]) -> bytes:
    _check_size(*picture.size)
    if getattr(picture, "n_frames", 1) > 1:
        raise _PictureError("the picture is animated, and only still ones can be resized")
    # Decoded in any case: a broken picture must not pass because it happens to have the size.
    picture.load()
    if picture.size == size:
        return content
    out = io.BytesIO()
    # Pillow weighs the colours of RGBA and LA with their alpha, so that the invisible doesn't bleed into the rest.
    _resizable(picture).resize(size, Image.Resampling.LANCZOS).save(
        out, format=picture.format, **_kept(picture, content)
    )
    return out.getvalue()


def _resizable(picture: Image.Image) -> Image.Image:
    """*picture* in a mode that can be filtered: in others Pillow would silently take the nearest pixel."""
    transparent = "transparency" in picture.info
    match picture.mode:
        case "P" | "PA":
            return picture.convert("RGBA" if transparent or picture.mode == "PA" else "RGB")
        case "1":
            return picture.convert("LA" if transparent else "L")
        case "L" if transparent:
            return picture.convert("LA")
        case "RGB" if transparent:
            return picture.convert("RGBA")
        case _:
            return picture


def _kept(picture: Image.Image, content: bytes) -> dict[str, Any]:
    options = {name: picture.info[name] for name in ("icc_profile", "exif") if picture.info.get(name)}
    if isinstance(picture, JpegImageFile):
        options["qtables"] = picture.quantization
        options["subsampling"] = get_sampling(picture)
    elif picture.format == "WEBP":
        options |= {"lossless": True} if b"VP8L" in content[:4096] else {"quality": _WEBP_QUALITY}
    return options
