"""Colours: their names in prompts, and how they are mixed, lit and put into palettes."""

import colorsys
from collections.abc import Sequence
from random import Random
from typing import TypeAlias

__all__ = ("NAMED", "RGB", "Ink", "ink_of", "mix", "palette", "saturated", "shade", "tint")

RGB: TypeAlias = tuple[int, int, int]

NAMED: dict[str, RGB] = {
    "red": (214, 40, 48), "crimson": (178, 20, 52), "scarlet": (226, 44, 24), "maroon": (118, 18, 38),
    "burgundy": (120, 20, 48), "pink": (244, 132, 172), "magenta": (212, 36, 148), "fuchsia": (222, 44, 160),
    "coral": (255, 122, 92), "salmon": (250, 138, 118), "peach": (255, 190, 150), "orange": (246, 130, 24),
    "amber": (250, 172, 20), "golden": (232, 178, 40), "gold": (228, 172, 38), "yellow": (250, 214, 36),
    "lemon": (250, 232, 76), "cream": (250, 240, 214), "beige": (224, 204, 172), "tan": (206, 172, 128),
    "brown": (124, 78, 44), "chocolate": (92, 54, 34), "bronze": (168, 112, 52), "copper": (188, 106, 62),
    "green": (44, 158, 70), "emerald": (16, 142, 96), "lime": (140, 206, 40), "olive": (122, 128, 44),
    "mint": (146, 222, 184), "teal": (10, 132, 134), "turquoise": (52, 196, 192), "cyan": (32, 186, 214),
    "aqua": (70, 204, 212), "blue": (36, 92, 206), "navy": (22, 36, 92), "azure": (52, 138, 230),
    "indigo": (66, 44, 148), "violet": (128, 72, 196), "purple": (122, 48, 164), "lavender": (184, 164, 226),
    "lilac": (198, 162, 214), "white": (255, 255, 255), "ivory": (252, 248, 232), "silver": (188, 194, 202),
    "grey": (134, 138, 144), "gray": (134, 138, 144), "charcoal": (58, 62, 68), "black": (34, 34, 38),
}  # fmt: skip
"""By the word that a prompt uses."""

_SCHEMES: tuple[tuple[float, ...], ...] = (
    (0.0, 0.06, 0.12, 0.5, 0.56),
    (0.0, 0.33, 0.4, 0.66, 0.08),
    (0.0, 0.04, 0.1, 0.16, 0.22),
    (0.0, 0.5, 0.08, 0.58, 0.92),
    (0.0, 0.42, 0.58, 0.05, 0.47),
)


class Ink:
    """The colours of one subject: the main one, its darker and lighter shades, and an accent that sets it off."""

    __slots__ = ("accent", "dark", "deep", "light", "main", "pale")

    def __init__(self, main: RGB, accent: RGB) -> None:
        self.main = main
        self.dark = shade(main, 0.28)
        self.deep = shade(main, 0.55)
        self.light = tint(main, 0.28)
        self.pale = tint(main, 0.62)
        self.accent = accent


def ink_of(main: RGB, colours: Sequence[RGB], chance: Random) -> Ink:
    """The ink around *main*, its accent the one of *colours* that differs the most, give or take *chance*."""
    ranked = sorted(colours, key=lambda colour: -_distance(colour, main))
    return Ink(main, chance.choice(ranked[:2]) if ranked else tint(main, 0.5))


def mix(first: RGB, second: RGB, share: float) -> RGB:
    """From *first* at share 0 to *second* at 1."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return (red, green, blue)


def shade(colour: RGB, amount: float) -> RGB:
    return mix(colour, (10, 10, 24), amount)


def tint(colour: RGB, amount: float) -> RGB:
    return mix(colour, (255, 253, 248), amount)


def saturated(colour: RGB, factor: float) -> RGB:
    """*colour* with its saturation times *factor*."""
    hue, saturation, value = colorsys.rgb_to_hsv(*(part / 255 for part in colour))
    return _from_hsv(hue, min(1.0, saturation * factor), value)


def palette(chance: Random, wanted: Sequence[RGB] = ()) -> tuple[RGB, ...]:
    """Six colours that go together, *wanted* ones first."""
    if wanted:
        hue, saturation, _ = colorsys.rgb_to_hsv(*(part / 255 for part in wanted[0]))
        base = hue if saturation > 0.12 else chance.random()
    else:
        base = chance.random()
    scheme = chance.choice(_SCHEMES)
    drawn = [
        _from_hsv((base + step + chance.uniform(-0.02, 0.02)) % 1, chance.uniform(0.45, 0.85), value)
        for step, value in zip(scheme, (0.85, 0.95, 0.6, 0.78, 0.42), strict=True)
    ]
    return (*wanted, *drawn)[: max(6, len(wanted) + 2)]


def _from_hsv(hue: float, saturation: float, value: float) -> RGB:
    red, green, blue = (round(part * 255) for part in colorsys.hsv_to_rgb(hue, saturation, value))
    return (red, green, blue)


def _distance(first: RGB, second: RGB) -> int:
    return sum(abs(a - b) for a, b in zip(first, second, strict=True))
