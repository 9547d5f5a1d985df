"""Real picture files for tests, made in memory with Pillow and kept for the run."""

import struct
import zlib
from functools import cache
from io import BytesIO

from PIL import Image

__all__ = ("picture", "saved")


@cache
def picture(
    form: str = "png",
    width: int = 64,
    height: int = 64,
    *,
    mode: str = "RGBA",
    transparent: bool = True,
    padded_to: int | None = None,
) -> bytes:
    """A file of the format *form*; *transparent* clears one pixel, *padded_to* fills a PNG up to that many bytes."""
    if form == "text":
        return b"this is no picture; ".ljust(padded_to or 64, b".")
    image = Image.new(mode, (width, height), "teal")
    if transparent and mode == "RGBA":
        image.putpixel((0, 0), (0, 0, 0, 0))
    content = saved(image, form)
    return content if padded_to is None else _padded(content, padded_to)


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    file = BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def _padded(png: bytes, size: int) -> bytes:
    """*png* with a private chunk that decoders skip, in front of IEND."""
    filling = bytes(size - len(png) - 12)
    chunk = b"prVt" + filling
    return png[:-12] + struct.pack(">I", len(filling)) + chunk + struct.pack(">I", zlib.crc32(chunk)) + png[-12:]
