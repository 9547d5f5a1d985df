"""What of a picture is its subject, told from the background by the colours along the edges."""

from collections import deque

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from imageway.providers.sketch.colours import RGB

__all__ = ("subject_mask",)

_WORKING_PX = 192
_THRESHOLDS = (26, 40, 60, 84)
_LEAST_BACKGROUND = 0.12


def subject_mask(image: Image.Image) -> Image.Image:
    """255 where *image* (RGB) shows its subject, 0 where it shows background, soft between.

    Background is what is like the colours of the outer rim and hangs together with it. Where hardly anything is, as in
    a picture that is busy to its edges, the middle counts as the subject.
    """
    small = image.copy()
    small.thumbnail((_WORKING_PX, _WORKING_PX), Image.Resampling.BOX)
    rim = _rim_colours(small)
    near, large = _distance(small, rim), _distance(image, rim)
    for threshold in _THRESHOLDS:
        flooded, share = _flooded(near, threshold)
        if share >= _LEAST_BACKGROUND:
            close = large.point([255 if value < threshold + 6 else 0 for value in range(256)])
            # Opened and closed again, so that no thread or crumb of the background passes for a subject.
            solid = ImageChops.invert(flooded).filter(ImageFilter.MinFilter(5)).filter(ImageFilter.MaxFilter(7))
            crumbs = ImageChops.invert(solid).resize(image.size, Image.Resampling.BILINEAR)
            reach = flooded.filter(ImageFilter.MaxFilter(5)).resize(image.size, Image.Resampling.BILINEAR)
            background = ImageChops.darker(close, reach.point([255 if value > 90 else 0 for value in range(256)]))
            background = ImageChops.lighter(background, crumbs)
            return ImageChops.invert(background).filter(ImageFilter.GaussianBlur(min(image.size) / 900))
    oval = Image.new("L", small.size)
    width, height = small.size
    ImageDraw.Draw(oval).ellipse((width * 0.14, height * 0.08, width * 0.86, height * 0.92), fill=255)
    return oval.filter(ImageFilter.GaussianBlur(4)).resize(image.size, Image.Resampling.BICUBIC)


def _rim_colours(small: Image.Image) -> list[RGB]:
    width, height = small.size
    strips = [
        small.crop(box).resize((_WORKING_PX, 2), Image.Resampling.BOX)
        for box in ((0, 0, width, min(2, height)), (0, max(0, height - 2), width, height))
    ]
    sides = [
        small.crop(box).resize((2, _WORKING_PX), Image.Resampling.BOX).transpose(Image.Transpose.ROTATE_90)
        for box in ((0, 0, min(2, width), height), (max(0, width - 2), 0, width, height))
    ]
    rim = Image.new("RGB", (_WORKING_PX, 8))
    for index, strip in enumerate((*strips, *sides)):
        rim.paste(strip, (0, index * 2))
    few = rim.quantize(5, Image.Quantize.MEDIANCUT).convert("RGB")
    counted = few.getcolors() or []
    found: list[RGB] = []
    for count, colour in counted:
        if count >= rim.width * rim.height * 0.08 and isinstance(colour, tuple):
            found.append((colour[0], colour[1], colour[2]))
    return found


def _distance(image: Image.Image, colours: list[RGB]) -> Image.Image:
    """How far each pixel is from the nearest of *colours*, by the channel that differs the most."""
    nearest = Image.new("L", image.size, 255)
    for colour in colours:
        red, green, blue = ImageChops.difference(image, Image.new("RGB", image.size, colour)).split()
        nearest = ImageChops.darker(nearest, ImageChops.lighter(red, ImageChops.lighter(green, blue)))
    return nearest


def _flooded(near: Image.Image, threshold: int) -> tuple[Image.Image, float]:
    """What is nearer than *threshold* and reachable from the rim, and its share of the picture."""
    width, height = near.size
    cells = near.tobytes()
    seen = bytearray(width * height)
    rim = [
        *range(width),
        *range(width * (height - 1), width * height),
        *range(0, width * height, width),
        *range(width - 1, width * height, width),
    ]
    waiting = deque(cell for cell in rim if cells[cell] < threshold)
    for cell in waiting:
        seen[cell] = 255
    while waiting:
        cell = waiting.popleft()
        column = cell % width
        steps = (cell - 1 if column else -1, cell + 1 if column < width - 1 else -1, cell - width, cell + width)
        for step in steps:
            if 0 <= step < len(cells) and not seen[step] and cells[step] < threshold:
                seen[step] = 255
                waiting.append(step)
    return Image.frombytes("L", near.size, bytes(seen)), seen.count(255) / len(seen)
