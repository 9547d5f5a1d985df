"""The drawing surface: a pen in unit coordinates, gradients, noise, glows, shadows and the light on figures."""

import math
from collections.abc import Sequence
from random import Random
from typing import TypeAlias

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from imageway.providers.sketch.colours import RGB, mix

__all__ = ("Pen", "Point", "cast_shadow", "chance_of", "glow", "grain", "lit", "noise", "smooth", "wash")

Point: TypeAlias = tuple[float, float]
Fill: TypeAlias = RGB | tuple[int, int, int, int]


def chance_of(*seeds: object) -> Random:
    """A source of chance that is the same wherever it runs."""
    return Random("\x1f".join(str(seed) for seed in seeds))  # noqa: S311  # pictures, not secrets


class Pen:
    """Draws on *image* in units: the origin is the middle, 1 is half the shorter edge, y grows downwards."""

    def __init__(self, image: Image.Image) -> None:
        self._draw = ImageDraw.Draw(image)
        self.unit_px = min(image.size) / 2
        self._x = image.width / 2
        self._y = image.height / 2

    def _at(self, point: Point) -> Point:
        return (self._x + point[0] * self.unit_px, self._y + point[1] * self.unit_px)

    def polygon(self, points: Sequence[Point], fill: Fill) -> None:
        self._draw.polygon([self._at(point) for point in points], fill=fill)

    def blob(self, points: Sequence[Point], fill: Fill) -> None:
        """A closed, rounded outline through *points*."""
        self.polygon(smooth(points), fill)

    def ellipse(self, x: float, y: float, rx: float, ry: float, fill: Fill) -> None:
        self._draw.ellipse((*self._at((x - rx, y - ry)), *self._at((x + rx, y + ry))), fill=fill)

    def box(self, left: float, top: float, right: float, bottom: float, fill: Fill, radius: float = 0.0) -> None:
        corners = (*self._at((left, top)), *self._at((right, bottom)))
        self._draw.rounded_rectangle(corners, radius * self.unit_px, fill=fill)

    def line(self, points: Sequence[Point], width: float, fill: Fill) -> None:
        """A line with round ends."""
        self._draw.line(
            [self._at(point) for point in points], fill=fill, width=max(1, round(width * self.unit_px)), joint="curve"
        )
        for x, y in (points[0], points[-1]):
            self.ellipse(x, y, width / 2, width / 2, fill)

    def arc(self, x: float, y: float, radius: float, start: float, end: float, width: float, fill: Fill) -> None:
        """Part of a circle, from *start* to *end* in degrees clockwise from three o'clock."""
        steps = max(6, round(abs(end - start) / 6))
        angles = [math.radians(start + (end - start) * step / steps) for step in range(steps + 1)]
        self.line([(x + radius * math.cos(angle), y + radius * math.sin(angle)) for angle in angles], width, fill)


def smooth(points: Sequence[Point], *, closed: bool = True, steps: int = 8) -> list[Point]:
    """A Catmull-Rom curve through *points*."""
    count = len(points)
    found: list[Point] = []
    for index in range(count if closed else count - 1):
        if closed:
            a, b, c, d = (points[(index + offset) % count] for offset in (-1, 0, 1, 2))
        else:
            a, b, c, d = (points[min(count - 1, max(0, index + offset))] for offset in (-1, 0, 1, 2))
        for step in range(steps):
            t = step / steps
            found.append((_spline(a[0], b[0], c[0], d[0], t), _spline(a[1], b[1], c[1], d[1], t)))
    if not closed:
        found.append(points[-1])
    return found


def _spline(a: float, b: float, c: float, d: float, t: float) -> float:
    return 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)


def wash(size: tuple[int, int], colours: Sequence[RGB], angle: float = math.pi / 2) -> Image.Image:
    """A gradient through *colours* along *angle*; a quarter turn runs from top to bottom."""
    edge = 48
    dx, dy = math.cos(angle), math.sin(angle)
    reach = (abs(dx) + abs(dy)) / 2
    cells = bytearray()
    for row in range(edge):
        for column in range(edge):
            along = ((column / (edge - 1) - 0.5) * dx + (row / (edge - 1) - 0.5) * dy) / reach / 2 + 0.5
            place = min(max(along, 0.0), 1.0) * (len(colours) - 1)
            index = min(int(place), len(colours) - 2)
            cells.extend(mix(colours[index], colours[index + 1], place - index))
    return Image.frombytes("RGB", (edge, edge), bytes(cells)).resize(size, Image.Resampling.BICUBIC)


def noise(size: tuple[int, int], cell_px: float, chance: Random) -> Image.Image:
    """Soft clouds of grey, about *cell_px* wide each."""
    small = (max(2, math.ceil(size[0] / cell_px)), max(2, math.ceil(size[1] / cell_px)))
    cells = Image.frombytes("L", small, chance.randbytes(small[0] * small[1]))
    return cells.resize(size, Image.Resampling.BICUBIC)


def grain(image: Image.Image, strength: float, chance: Random) -> Image.Image:
    """*image* (RGB) with the fine grain of paper; *strength* is the share of full black or white at the extremes."""
    tile = Image.frombytes("L", (256, 256), chance.randbytes(65536)).filter(ImageFilter.GaussianBlur(0.6))
    sheet = Image.new("L", image.size)
    for top in range(0, image.height, 256):
        for left in range(0, image.width, 256):
            sheet.paste(tile, (left, top))
    speckle = Image.merge("RGB", (sheet,) * 3)
    return ImageChops.add(
        image, speckle.point([round((value - 128) * strength) + 128 for value in range(256)] * 3), 1, -128
    )


def glow(image: Image.Image, centre: Point, radius: float, colour: RGB, strength: float) -> None:
    """Light of *colour* spread around *centre* (pixels) onto *image*, in place."""
    edge = max(2, round(radius * 2))
    fade = Image.radial_gradient("L").point([max(0, round((255 - v * 1.42) * strength)) for v in range(256)])
    fade = fade.resize((edge, edge), Image.Resampling.BICUBIC)
    image.paste(
        Image.new(image.mode, (edge, edge), colour), (round(centre[0] - radius), round(centre[1] - radius)), fade
    )


def lit(figure: Image.Image, light: Point, *, strength: float = 1.0) -> Image.Image:
    """*figure* (RGBA) rounded by light from *light*, a direction: a highlight on that side, shade on the other."""
    alpha = figure.getchannel("A")
    small = alpha.resize((max(1, figure.width // 4), max(1, figure.height // 4)), Image.Resampling.BOX)
    reach = min(small.size) * 0.07
    soft = small.filter(ImageFilter.GaussianBlur(reach))
    body = figure.convert("RGB")
    for colour, side, weight in (((16, 14, 40), 1.0, 0.6), ((255, 252, 240), -1.0, 0.5)):
        moved = Image.new("L", small.size)
        moved.paste(soft, (round(light[0] * reach * 1.3 * side), round(light[1] * reach * 1.3 * side)))
        edge = ImageChops.subtract(small, moved).resize(figure.size, Image.Resampling.BICUBIC)
        body.paste(colour, (0, 0), edge.point([round(value * weight * strength) for value in range(256)]))
    body.putalpha(alpha)
    return body


def cast_shadow(
    canvas: Image.Image, figure: Image.Image, place: tuple[int, int], light: Point, strength: float
) -> None:
    """Lay the shadow of *figure*, which will stand at *place* (its top left corner), onto *canvas*, in place."""
    alpha = figure.getchannel("A")
    box = alpha.getbbox()
    if box is None:
        return
    left, _, right, bottom = box
    width, height = right - left, max(4, round((right - left) * 0.26))
    flat = alpha.crop(box).resize((max(1, width // 3), max(1, height // 3)), Image.Resampling.BOX)
    pad = max(4, width // 10)
    sheet = Image.new("L", (flat.width + 2 * pad, flat.height + 2 * pad))
    sheet.paste(flat, (pad, pad))
    sheet = sheet.filter(ImageFilter.GaussianBlur(max(1.0, width / 3 * 0.05)))
    sheet = sheet.resize((sheet.width * 3, sheet.height * 3), Image.Resampling.BICUBIC)
    sheet = sheet.point([round(value * strength) for value in range(256)])
    x = place[0] + left - pad * 3 - round(light[0] * width * 0.16)
    y = place[1] + bottom - pad * 3 - round(height * 0.55)
    canvas.paste(Image.new(canvas.mode, sheet.size, (14, 14, 40)), (x, y), sheet)
