"""Small pictures for contact sheets and notebooks. Pillow opens them; without it, or where it can't, there is none."""

import base64
import io
from pathlib import Path

from imageway.contract.request import ImageFormat
from imageway.contract.sniff import sniff

__all__ = ("MissingPillowError", "require_pillow", "thumbnail", "thumbnail_of")

_EDGE_PX = 320
_QUALITY = 72
_LARGEST_SVG_BYTES = 200_000
_LARGEST_BYTES = 256 * 1024**2


class MissingPillowError(Exception):
    """Pillow isn't installed; the sentence says what to do."""


def require_pillow() -> None:
    """Raises `MissingPillowError`."""
    try:
        import PIL.Image  # noqa: F401  # only whether it is there
    except ImportError as error:
        raise MissingPillowError("a contact sheet needs Pillow to make thumbnails: pip install pillow") from error


def thumbnail(path: Path) -> str | None:
    """`thumbnail_of` the picture at *path*; None also where it isn't there, or has more than 256 MiB."""
    try:
        return thumbnail_of(path.read_bytes()) if path.stat().st_size <= _LARGEST_BYTES else None
    except OSError:
        return None


def thumbnail_of(content: bytes) -> str | None:
    """A data URL of the picture *content*, no edge over 320 px; None where it can't be opened, or Pillow isn't there.

    Of an animation the first frame; an SVG as it is, up to 200 kB: inside an image element it can run nothing.
    """
    if sniff(content).format is ImageFormat.SVG:
        return _data_url("svg+xml", content) if len(content) <= _LARGEST_SVG_BYTES else None
    try:
        from PIL import Image, ImageOps, UnidentifiedImageError
    except ImportError:
        return None
    try:
        with Image.open(io.BytesIO(content)) as image:
            image.draft("RGB", (2 * _EDGE_PX, 2 * _EDGE_PX))
            small = ImageOps.exif_transpose(image)
            small.thumbnail((_EDGE_PX, _EDGE_PX))
            out = io.BytesIO()
            small.convert("RGBA" if small.has_transparency_data else "RGB").save(out, "WEBP", quality=_QUALITY)
    except (OSError, ValueError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError):
        return None
    return _data_url("webp", out.getvalue())


def _data_url(subtype: str, content: bytes) -> str:
    return f"data:image/{subtype};base64,{base64.b64encode(content).decode()}"
