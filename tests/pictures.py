"""Small real pictures for tests."""

import io

from PIL import Image


def picture(format_: str = "PNG", size: tuple[int, int] = (64, 64), mode: str = "RGBA", colour: object = 0) -> bytes:
    """A picture of one colour; the default is a wholly transparent PNG."""
    out = io.BytesIO()
    Image.new(mode, size, colour).save(out, format=format_)  # type: ignore[arg-type]  # a colour of any mode
    return out.getvalue()
