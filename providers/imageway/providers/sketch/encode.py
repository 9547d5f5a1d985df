"""A drawn picture as the bytes of a file."""

import io

from PIL import Image

from imageway.providers.sketch.asked import Asked

__all__ = ("encoded", "flattened")

_PNG_LEVEL = 3
"""Of zlib: a third of the default level's time for files a little larger."""


def encoded(picture: Image.Image, asked: Asked) -> bytes:
    """*picture* in the format and quality that *asked* names; where that has no alpha, on white."""
    picture = picture if asked.transparent else flattened(picture)
    file = io.BytesIO()
    match asked.output_format:
        case "jpeg":
            picture.save(
                file, "JPEG", quality=max(1, asked.compression), subsampling=0 if asked.compression > 90 else 2
            )
        case "webp":
            picture.save(file, "WEBP", quality=asked.compression, method=2)
        case _:
            picture.save(file, "PNG", compress_level=_PNG_LEVEL)
    return file.getvalue()


def flattened(picture: Image.Image) -> Image.Image:
    """*picture* as RGB, on white where it is transparent."""
    if picture.mode == "RGB":
        return picture
    sheet = Image.new("RGB", picture.size, (255, 255, 255))
    sheet.paste(picture.convert("RGB"), (0, 0), picture.convert("RGBA").getchannel("A"))
    return sheet
