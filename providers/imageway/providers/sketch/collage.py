"""Several pictures as one: panels that fill the page, or prints laid out on a table."""

import math
from collections.abc import Sequence
from itertools import pairwise
from random import Random

from PIL import Image, ImageFilter, ImageOps

from imageway.providers.sketch.canvas import wash
from imageway.providers.sketch.colours import NAMED, RGB, shade, tint
from imageway.providers.sketch.prompt import Scene, border_colour

__all__ = ("collage",)

_BORDERED = frozenset(("border", "borders", "bordered", "frame", "frames", "gap", "gaps"))
_PANELLED = frozenset(
    ("panel", "panels", "grid", "collage", "side", "mosaic", "row", "column", "diptych", "triptych", "montage")
)

_LEAST_KEPT = 0.75
_MOST_ASPECT = 4.0


def collage(
    pictures: Sequence[Image.Image], size: tuple[int, int], scene: Scene, colours: tuple[RGB, ...], chance: Random,
    *, transparent: bool,
) -> Image.Image:  # fmt: skip
    """*pictures* (RGBA) on one page of *size* (RGBA), every one visible and none distorted.

    Where *transparent*, the page shows through what no picture covers.
    """
    words = set(scene.words)
    if words & (_BORDERED | _PANELLED):
        rim = border_colour(scene.words) or (NAMED["white"] if words & _BORDERED else tint(colours[0], 0.75))
        gap = max(2, round(min(size) * (0.022 if words & _BORDERED else 0.012)))
        return _panels(pictures, Image.new("RGBA", size, (*rim, 0 if transparent else 255)), gap, chance)
    if transparent:
        return _prints(pictures, Image.new("RGBA", size), chance)
    page = wash(size, (tint(colours[0], 0.35), shade(colours[0], 0.25)), chance.uniform(0, math.tau))
    return _prints(pictures, page.convert("RGBA"), chance)


def _panels(pictures: Sequence[Image.Image], page: Image.Image, gap: int, chance: Random) -> Image.Image:
    layouts = [_justified(pictures, page.size, gap, rows) for rows in range(1, len(pictures) + 1)]
    layouts.sort(key=lambda layout: _unrest(layout, page.size))
    rows = layouts[0]
    if len(layouts) > 1 and _unrest(layouts[1], page.size) < _unrest(rows, page.size) + 0.05:
        rows = chance.choice(layouts[:2])
    for picture, (left, top, right, low) in rows:
        page.alpha_composite(ImageOps.fit(picture, (right - left, low - top), Image.Resampling.LANCZOS), (left, top))
    return page


_Placed = list[tuple[Image.Image, tuple[int, int, int, int]]]


def _justified(pictures: Sequence[Image.Image], size: tuple[int, int], gap: int, count: int) -> _Placed:
    """The pictures in *count* rows, each as wide as its aspect asks, in a block in the middle of the page.

    The block fills as much of the page as it can without cutting off more than a quarter of a picture;
    only pictures longer than four to one lose their ends.
    """
    aspects = [min(_MOST_ASPECT, max(1 / _MOST_ASPECT, picture.width / picture.height)) for picture in pictures]
    cuts = [round(len(pictures) * row / count) for row in range(count + 1)]
    rows = [range(first, last) for first, last in pairwise(cuts)]
    shares = [1 / sum(aspects[index] for index in row) for row in rows]
    free_width, free_height = size[0] - 2 * gap, size[1] - 2 * gap
    width = min(free_width, free_height / sum(shares) / _LEAST_KEPT)
    height = min(free_height, free_width * sum(shares) / _LEAST_KEPT)
    placed: _Placed = []
    top = (size[1] - height) / 2
    for row, share in zip(rows, shares, strict=True):
        tall = (height - gap * (count - 1)) * share / sum(shares)
        left = (size[0] - width) / 2
        for index in row:
            wide = (width - gap * (len(row) - 1)) * aspects[index] * share
            x, y = round(left), round(top)
            placed.append((pictures[index], (x, y, max(x + 1, round(left + wide)), max(y + 1, round(top + tall)))))
            left += wide + gap
        top += tall + gap
    return placed


def _unrest(placed: _Placed, page: tuple[int, int]) -> float:
    """How much of the page is left free, and how far the largest panel is from the smallest."""
    areas = [(right - left) * (low - top) for _, (left, top, right, low) in placed]
    return math.log(page[0] * page[1] / sum(areas)) + 0.35 * math.log(max(areas) / min(areas))


def _prints(pictures: Sequence[Image.Image], page: Image.Image, chance: Random) -> Image.Image:
    """Prints with white rims, slightly turned, laid out on *page*."""
    size = page.size
    columns = max(1, min(len(pictures), round(math.sqrt(len(pictures) * size[0] / size[1]))))
    rows = math.ceil(len(pictures) / columns)
    cell = (size[0] / columns, size[1] / rows)
    for index, picture in enumerate(pictures):
        row, column = divmod(index, columns)
        in_row = min(columns, len(pictures) - row * columns)
        inner = ImageOps.contain(
            picture, (max(1, round(cell[0] * 0.76)), max(1, round(cell[1] * 0.76))), Image.Resampling.LANCZOS
        )
        rim = max(2, round(min(inner.size) * 0.04))
        sheet = Image.new("RGBA", (inner.width + rim * 2, inner.height + rim * 2), (252, 251, 247, 255))
        sheet.alpha_composite(inner, (rim, rim))
        sheet = sheet.rotate(chance.uniform(-5, 5), Image.Resampling.BICUBIC, expand=True)
        x = (column + 0.5) * cell[0] + (columns - in_row) * cell[0] / 2 - sheet.width / 2
        y = (row + 0.5) * cell[1] - sheet.height / 2
        shadow = (
            sheet.getchannel("A")
            .point([value // 3 for value in range(256)])
            .filter(ImageFilter.GaussianBlur(max(1, rim / 2)))
        )
        page.paste((10, 10, 20, 255), (round(x + rim / 2), round(y + rim / 2)), shadow)
        page.paste(sheet.convert("RGB").convert("RGBA"), (round(x), round(y)), sheet.getchannel("A"))
    return page
