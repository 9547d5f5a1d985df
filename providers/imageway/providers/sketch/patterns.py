"""Compositions for prompts without a known subject: six families of layout, seeded by the words."""

import math
from collections.abc import Callable
from random import Random

from PIL import Image, ImageDraw

from imageway.providers.sketch.canvas import Pen, glow, smooth, wash
from imageway.providers.sketch.colours import RGB, mix, shade, tint

__all__ = ("pattern",)

_MOST_PIXELS = 4_400_000


def pattern(size: tuple[int, int], colours: tuple[RGB, ...], detail: int, chance: Random) -> Image.Image:
    """An abstract picture in *colours*."""
    factor = 2 if size[0] * size[1] * 4 <= _MOST_PIXELS else 1
    large = (size[0] * factor, size[1] * factor)
    angle = chance.uniform(0, math.tau)
    image = wash(large, (shade(colours[0], 0.35), colours[1], tint(colours[2], 0.4)), angle)
    for _ in range(2 + detail):
        centre = (chance.uniform(0, large[0]), chance.uniform(0, large[1]))
        glow(image, centre, max(large) * chance.uniform(0.15, 0.45), chance.choice(colours), 0.7)
    chance.choice(_FAMILIES)(image, colours, detail, chance)
    return image.reduce(2) if factor == 2 else image


def _waves(image: Image.Image, colours: tuple[RGB, ...], detail: int, chance: Random) -> None:
    width, height = image.size
    bands = 5 + detail * 2
    swing = height * chance.uniform(0.05, 0.16)
    for band in range(bands):
        base = height * (0.12 + 0.95 * band / bands)
        line = [(width * step / 5, base + swing * chance.uniform(-1, 1)) for step in range(-1, 7)]
        colour = mix(colours[band % len(colours)], colours[(band + 1) % len(colours)], 0.3)
        mask = Image.new("L", image.size)
        ImageDraw.Draw(mask).polygon(
            [*smooth(line, closed=False, steps=14), (width * 1.3, height), (-width * 0.3, height)], fill=225
        )
        image.paste(
            wash(image.size, (tint(colour, 0.25), colour, shade(colour, 0.3)), chance.uniform(0, math.pi)), (0, 0), mask
        )


def _mosaic(image: Image.Image, colours: tuple[RGB, ...], detail: int, chance: Random) -> None:
    draw = ImageDraw.Draw(image)
    width, height = image.size
    columns = 4 + detail * 2 + chance.randint(0, 3)
    cell = width / columns
    rows = math.ceil(height / cell)
    corners = {
        (column, row): ((column + chance.uniform(-0.35, 0.35)) * cell, (row + chance.uniform(-0.35, 0.35)) * cell)
        for column in range(-1, columns + 2)
        for row in range(-1, rows + 2)
    }
    drift = chance.uniform(0, math.tau)
    for (column, row), corner in corners.items():
        across = (column + 1, row), (column + 1, row + 1), (column, row + 1)
        if not all(key in corners for key in across):
            continue
        place = 0.5 + 0.5 * math.sin(drift + column * 0.5 + row * 0.35)
        base = mix(colours[int(place * 3.99)], chance.choice(colours), 0.25)
        draw.polygon([corner, corners[across[0]], corners[across[1]]], fill=tint(base, chance.uniform(0, 0.3)))
        draw.polygon([corner, corners[across[1]], corners[across[2]]], fill=shade(base, chance.uniform(0, 0.3)))


def _orbits(image: Image.Image, colours: tuple[RGB, ...], detail: int, chance: Random) -> None:
    draw = ImageDraw.Draw(image)
    width, height = image.size
    x, y = width * chance.uniform(0.25, 0.75), height * chance.uniform(0.25, 0.75)
    rings = 6 + detail * 2
    for ring in range(rings, 0, -1):
        radius = max(width, height) * 0.75 * ring / rings
        colour = colours[ring % len(colours)]
        box = (x - radius, y - radius, x + radius, y + radius)
        draw.ellipse(box, fill=mix(colour, colours[0], 0.3), outline=tint(colour, 0.3), width=max(2, width // 300))
        angle, small = chance.uniform(0, math.tau), radius * chance.uniform(0.05, 0.16)
        px, py = x + radius * math.cos(angle), y + radius * math.sin(angle)
        draw.ellipse(
            (px - small, py - small, px + small, py + small), fill=tint(colours[(ring + 2) % len(colours)], 0.25)
        )


def _strata(image: Image.Image, colours: tuple[RGB, ...], detail: int, chance: Random) -> None:
    draw = ImageDraw.Draw(image)
    width, height = image.size
    lean = chance.uniform(-0.9, 0.9) * height
    at = -abs(lean)
    while at < height + abs(lean):
        thick = height * chance.uniform(0.02, 0.3 / (1 + detail * 0.4))
        bend = chance.uniform(-0.04, 0.04) * height
        colour = tint(chance.choice(colours), chance.uniform(0, 0.35))
        top = [(0.0, at), (width * 0.5, at + lean / 2 + bend), (float(width), at + lean)]
        foot = [(x, y + thick) for x, y in reversed(top)]
        draw.polygon([*smooth(top, closed=False), *smooth(foot, closed=False)], fill=colour)
        at += thick


def _ribbons(image: Image.Image, colours: tuple[RGB, ...], detail: int, chance: Random) -> None:
    pen = Pen(image)
    for strand in range(5 + 2 * detail):
        colour = colours[strand % len(colours)]
        turn, reach = chance.uniform(0, math.tau), chance.uniform(-0.8, 0.8)
        line = []
        for step in range(-3, 4):
            along, across = step * 0.7, reach + chance.uniform(-0.3, 0.3)
            line.append(
                (along * math.cos(turn) - across * math.sin(turn), along * math.sin(turn) + across * math.cos(turn))
            )
        curve, wide = smooth(line, closed=False, steps=14), chance.uniform(0.06, 0.2)
        pen.line([(x + 0.02, y + 0.03) for x, y in curve], wide, shade(colour, 0.6))
        pen.line(curve, wide, colour)
        pen.line(curve, wide * 0.5, tint(colour, 0.3))


def _blossoms(image: Image.Image, colours: tuple[RGB, ...], detail: int, chance: Random) -> None:
    pen = Pen(image)
    for bloom in range(4 + detail * 2):
        x, y = chance.uniform(-1.1, 1.1), chance.uniform(-1.1, 1.1)
        reach, petals = chance.uniform(0.15, 0.6), chance.randint(5, 11)
        for layer in range(3):
            colour = tint(colours[(bloom + layer) % len(colours)], layer * 0.15)
            far = reach * (1 - layer * 0.3)
            for petal in range(petals):
                angle = math.tau * (petal + layer / 2) / petals
                spread = math.pi / petals * 0.95
                points = [
                    (x, y),
                    *(
                        (x + far * share * math.cos(angle + off), y + far * share * math.sin(angle + off))
                        for share, off in ((0.62, -spread), (1.0, 0.0), (0.62, spread))
                    ),
                ]
                pen.blob(points, shade(colour, 0.12) if petal % 2 else colour)
        pen.ellipse(x, y, reach * 0.14, reach * 0.14, tint(colours[(bloom + 3) % len(colours)], 0.5))


_FAMILIES: tuple[Callable[[Image.Image, tuple[RGB, ...], int, Random], None], ...] = (
    _waves, _mosaic, _orbits, _strata, _ribbons, _blossoms,
)  # fmt: skip
