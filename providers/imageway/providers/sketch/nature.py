"""Plants and animals. Whatever stands, stands on y = 0.95."""

import math
from collections.abc import Callable
from random import Random

from imageway.providers.sketch.canvas import Pen, Point
from imageway.providers.sketch.colours import RGB, Ink, mix, tint

__all__ = (
    "apple", "butterfly", "cactus", "fish", "flower", "leaf", "mushroom", "owl", "person", "pine", "sitting", "tree",
    "whale",
)  # fmt: skip

_BARK: RGB = (96, 66, 44)
_EYE: RGB = (24, 22, 28)
_STEM: RGB = (62, 124, 62)


def tree(pen: Pen, ink: Ink, chance: Random, detail: int) -> None:
    pen.polygon([(-0.1, 0.95), (-0.06, 0.2), (0.06, 0.2), (0.11, 0.95)], _BARK)
    for x in (-0.34, 0.3):
        pen.line([(0, 0.45), (x, 0.08)], 0.06, _BARK)
    clumps = 8 + 5 * detail
    for clump in range(clumps):
        angle, far = chance.uniform(0, math.tau), chance.uniform(0.1, 0.5)
        x, y, radius = far * math.cos(angle) * 1.05, -0.35 + far * math.sin(angle) * 0.85, chance.uniform(0.18, 0.32)
        pen.ellipse(x, y, radius, radius * 0.9, mix(ink.dark, ink.light, clump / clumps))


def pine(pen: Pen, ink: Ink, chance: Random, detail: int) -> None:
    pen.box(-0.07, 0.6, 0.07, 0.95, _BARK)
    tiers = 4 + detail // 2
    for tier in range(tiers):
        bottom = 0.75 - tier * 1.15 / tiers
        wide = 0.58 * (1 - tier / (tiers + 0.6)) * chance.uniform(0.92, 1.08)
        pen.polygon([(-wide, bottom), (0, bottom - 0.72), (wide, bottom)], mix(ink.dark, ink.main, tier / tiers))
        pen.polygon([(wide * 0.1, bottom), (0, bottom - 0.72), (wide, bottom)], mix(ink.deep, ink.dark, tier / tiers))


def flower(pen: Pen, ink: Ink, chance: Random, detail: int) -> None:
    bend = chance.uniform(-0.15, 0.15)
    pen.line([(bend, -0.2), (bend * 0.4, 0.4), (0, 0.95)], 0.055, _STEM)
    for side in (-1, 1):
        pen.blob([(0, 0.72), (side * 0.22, 0.48), (side * 0.5, 0.42), (side * 0.26, 0.66)], (74, 142, 70))
    petals = chance.choice((6, 7, 8, 9, 12))
    for layer, (reach, fill) in enumerate(((0.5, ink.dark), (0.44, ink.main), (0.3, ink.light))[: 2 + (detail > 2)]):
        for petal in range(petals):
            angle = math.tau * (petal + layer / 2) / petals
            x, y = bend + reach * 0.62 * math.cos(angle), -0.38 + reach * 0.62 * math.sin(angle)
            across = (-math.sin(angle) * 0.13, math.cos(angle) * 0.13)
            tip = (bend + reach * 1.1 * math.cos(angle), -0.38 + reach * 1.1 * math.sin(angle))
            pen.blob([(bend, -0.38), (x + across[0], y + across[1]), tip, (x - across[0], y - across[1])], fill)
    pen.ellipse(bend, -0.38, 0.14, 0.14, ink.accent)


def mushroom(pen: Pen, ink: Ink, chance: Random, detail: int) -> None:
    pen.blob([(-0.2, 0.0), (-0.16, 0.5), (-0.28, 0.93), (0.28, 0.93), (0.16, 0.5), (0.2, 0.0)], (240, 228, 206))
    pen.blob([(-0.86, 0.1), (-0.7, -0.45), (0, -0.85), (0.7, -0.45), (0.86, 0.1), (0, 0.2)], ink.main)
    for _ in range(4 + 2 * detail):
        x, y, radius = chance.uniform(-0.55, 0.55), chance.uniform(-0.55, 0.0), chance.uniform(0.05, 0.11)
        pen.ellipse(x, y, radius, radius * 0.8, (252, 246, 236))


def cactus(pen: Pen, ink: Ink, chance: Random, detail: int) -> None:
    pen.box(-0.2, -0.85, 0.2, 0.95, ink.main, 0.2)
    for side, height in ((-1, chance.uniform(-0.3, 0.1)), (1, chance.uniform(-0.4, 0.2))):
        pen.line([(0, height + 0.45), (side * 0.5, height + 0.45), (side * 0.5, height)], 0.2, ink.main)
    for rib in range(-1, 2):
        pen.line([(rib * 0.1, -0.7), (rib * 0.1, 0.92)], 0.014, ink.dark)
    for _ in range(8 * detail):
        pen.ellipse(chance.uniform(-0.16, 0.16), chance.uniform(-0.7, 0.85), 0.012, 0.012, ink.pale)


def leaf(pen: Pen, ink: Ink, _chance: Random, detail: int) -> None:
    pen.blob([(0, 0.75), (-0.5, 0.25), (-0.45, -0.3), (0, -0.92), (0.45, -0.3), (0.5, 0.25)], ink.main)
    pen.blob([(0, 0.75), (0.5, 0.25), (0.45, -0.3), (0, -0.92), (0.02, 0)], ink.dark)
    pen.line([(0, -0.7), (0, 0.94)], 0.03, ink.pale)
    for vein in range(3 + detail):
        y = 0.5 - vein * 1.0 / (3 + detail)
        for side in (-1, 1):
            pen.line([(0, y), (side * 0.34, y - 0.22)], 0.016, ink.pale)


def apple(pen: Pen, ink: Ink, _chance: Random, _detail: int) -> None:
    pen.blob(
        [
            (0, -0.5),
            (0.4, -0.62),
            (0.8, -0.25),
            (0.7, 0.45),
            (0.32, 0.92),
            (0, 0.84),
            (-0.32, 0.92),
            (-0.7, 0.45),
            (-0.8, -0.25),
            (-0.4, -0.62),
        ],
        ink.main,
    )
    pen.line([(0, -0.45), (0.06, -0.7), (0.16, -0.92)], 0.06, _BARK)
    pen.blob([(0.12, -0.72), (0.36, -0.98), (0.62, -0.88), (0.4, -0.68)], (84, 158, 66))


def sitting(ears: str, tail: str, *, patched: bool) -> Callable[[Pen, Ink, Random, int], None]:
    """How to draw an animal that sits: *ears* pointed, floppy, long or round; *tail* bushy, thin or short."""

    def draw(pen: Pen, ink: Ink, chance: Random, detail: int) -> None:
        side = chance.choice((-1, 1))
        _tail(pen, ink, tail, side)
        pen.blob([(-0.26, 0.05), (-0.44, 0.5), (-0.42, 0.93), (0.42, 0.93), (0.44, 0.5), (0.26, 0.05)], ink.main)
        pen.blob([(-0.16, 0.1), (-0.2, 0.5), (0, 0.8), (0.2, 0.5), (0.16, 0.1)], ink.pale if patched else ink.light)
        for x in (-0.17, 0.17):
            pen.box(x - 0.1, 0.4, x + 0.1, 0.95, ink.main, 0.1)
            pen.ellipse(x, 0.88, 0.125, 0.075, ink.dark if patched else ink.light)
        _ears(pen, ink, ears)
        pen.blob(
            [
                (0, -0.62),
                (0.36, -0.54),
                (0.54, -0.18),
                (0.28, 0.12),
                (0, 0.24),
                (-0.28, 0.12),
                (-0.54, -0.18),
                (-0.36, -0.54),
            ],
            ink.main,
        )
        if patched:
            for x in (-1, 1):
                pen.blob(
                    [(x * 0.5, -0.16), (x * 0.2, -0.12), (x * 0.04, 0.02), (x * 0.02, 0.2), (x * 0.28, 0.1)], ink.pale
                )
        pen.ellipse(0, 0.06, 0.16, 0.13, ink.pale if patched else ink.light)
        pen.ellipse(0, 0.0, 0.075, 0.055, _EYE)
        for x in (-0.22, 0.22):
            pen.ellipse(x, -0.2, 0.065, 0.08, _EYE)
            pen.ellipse(x + 0.02, -0.23, 0.022, 0.024, (255, 255, 255))
        for _ in range(detail * 6):
            x, y = chance.uniform(-0.3, 0.3), chance.uniform(0.3, 0.8)
            pen.line([(x, y), (x * 0.96, y + 0.06)], 0.01, ink.dark if abs(x) > 0.2 else ink.light)

    return draw


def _ears(pen: Pen, ink: Ink, ears: str) -> None:
    for side in (-1, 1):
        match ears:
            case "floppy":
                pen.blob([(side * 0.3, -0.56), (side * 0.6, -0.5), (side * 0.7, 0.0), (side * 0.5, 0.06)], ink.dark)
            case "long":
                pen.blob(
                    [(side * 0.1, -0.5), (side * 0.14, -0.98), (side * 0.34, -0.94), (side * 0.32, -0.45)], ink.main
                )
                pen.blob(
                    [(side * 0.17, -0.55), (side * 0.2, -0.88), (side * 0.28, -0.86), (side * 0.27, -0.5)],
                    (238, 176, 176),
                )
            case "round":
                pen.ellipse(side * 0.38, -0.54, 0.18, 0.18, ink.main)
                pen.ellipse(side * 0.38, -0.54, 0.1, 0.1, ink.light)
            case _:
                pen.polygon([(side * 0.1, -0.52), (side * 0.46, -0.98), (side * 0.52, -0.3)], ink.dark)
                pen.polygon([(side * 0.22, -0.54), (side * 0.42, -0.84), (side * 0.46, -0.42)], ink.pale)


def _tail(pen: Pen, ink: Ink, tail: str, side: int) -> None:
    match tail:
        case "bushy":
            pen.blob(
                [(side * 0.2, 0.9), (side * 0.62, 0.92), (side * 0.92, 0.52), (side * 0.84, 0.02), (side * 0.6, 0.4)],
                ink.main,
            )
            pen.blob([(side * 0.93, 0.36), (side * 0.84, 0.0), (side * 0.7, 0.26), (side * 0.8, 0.38)], ink.pale)
        case "thin":
            pen.line([(side * 0.3, 0.88), (side * 0.62, 0.86), (side * 0.76, 0.6), (side * 0.68, 0.3)], 0.11, ink.dark)
        case _:
            pen.ellipse(side * 0.46, 0.8, 0.14, 0.14, ink.light)


def fish(pen: Pen, ink: Ink, chance: Random, detail: int) -> None:
    side = chance.choice((-1, 1))
    pen.blob([(side * -0.5, 0), (side * -0.92, -0.42), (side * -0.8, 0), (side * -0.92, 0.42)], ink.dark)
    pen.blob([(side * -0.2, -0.3), (side * 0.1, -0.66), (side * 0.4, -0.28)], ink.dark)
    pen.blob(
        [
            (side * 0.9, 0.04),
            (side * 0.5, -0.36),
            (side * -0.1, -0.4),
            (side * -0.62, 0),
            (side * -0.1, 0.4),
            (side * 0.5, 0.34),
        ],
        ink.main,
    )
    for band in range(2 + detail // 2):
        x = side * (0.3 - band * 0.26)
        pen.blob([(x, -0.3), (x - side * 0.1, 0), (x, 0.3), (x - side * 0.07, 0)], ink.accent)
    for _ in range(detail * 5):
        pen.arc(chance.uniform(-0.35, 0.35), chance.uniform(-0.22, 0.22), 0.05, -80, 80, 0.012, ink.light)
    pen.ellipse(side * 0.6, -0.08, 0.09, 0.09, (255, 255, 255))
    pen.ellipse(side * 0.62, -0.08, 0.05, 0.05, _EYE)


def whale(pen: Pen, ink: Ink, _chance: Random, _detail: int) -> None:
    pen.blob([(-0.5, 0.15), (-0.78, -0.12), (-0.96, -0.42), (-0.72, -0.32), (-0.62, -0.56), (-0.56, -0.14)], ink.main)
    pen.blob([(-0.6, 0.05), (-0.2, -0.1), (0.3, -0.5), (0.85, -0.3), (0.94, 0.2), (0.5, 0.56), (-0.1, 0.5)], ink.main)
    pen.blob([(0.92, 0.22), (0.4, 0.3), (-0.05, 0.46), (0.5, 0.56)], ink.pale)
    pen.blob([(0.25, 0.32), (0.1, 0.7), (0.42, 0.5)], ink.dark)
    pen.ellipse(0.6, 0.06, 0.045, 0.045, _EYE)
    for x in (-0.12, 0.12):
        pen.arc(0.45 + x, -0.72, 0.13, 200 if x < 0 else 180, 360 if x < 0 else 340, 0.04, (150, 206, 236))


def butterfly(pen: Pen, ink: Ink, _chance: Random, detail: int) -> None:
    for side in (-1, 1):
        pen.blob(
            [(0, -0.1), (side * 0.4, -0.82), (side * 0.92, -0.72), (side * 0.74, -0.1), (side * 0.2, 0.06)], ink.main
        )
        pen.blob([(0, 0.0), (side * 0.62, 0.06), (side * 0.66, 0.6), (side * 0.28, 0.72)], ink.dark)
        for spot in range(1 + detail):
            pen.ellipse(side * (0.4 + spot * 0.1), -0.5 + spot * 0.12, 0.07, 0.09, ink.accent)
        pen.ellipse(side * 0.44, 0.36, 0.1, 0.12, ink.pale)
        pen.arc(side * 0.18, -0.5, 0.2, 180 if side > 0 else 250, 290 if side > 0 else 360, 0.025, _EYE)
    pen.ellipse(0, 0.08, 0.07, 0.46, _EYE)


def owl(pen: Pen, ink: Ink, chance: Random, detail: int) -> None:
    for side in (-1, 1):
        pen.polygon([(side * 0.15, -0.7), (side * 0.5, -0.96), (side * 0.52, -0.45)], ink.dark)
    pen.blob([(0, -0.76), (0.5, -0.6), (0.62, 0.2), (0.36, 0.9), (-0.36, 0.9), (-0.62, 0.2), (-0.5, -0.6)], ink.main)
    pen.blob([(0, -0.05), (0.36, 0.2), (0.24, 0.8), (-0.24, 0.8), (-0.36, 0.2)], ink.pale)
    for _ in range(detail * 6):
        pen.arc(chance.uniform(-0.24, 0.24), chance.uniform(0.2, 0.66), 0.05, 0, 180, 0.02, ink.dark)
    for side in (-1, 1):
        pen.blob([(side * 0.5, -0.2), (side * 0.74, 0.3), (side * 0.5, 0.78), (side * 0.42, 0.2)], ink.dark)
        pen.ellipse(side * 0.24, -0.36, 0.23, 0.23, tint(ink.main, 0.8))
        pen.ellipse(side * 0.22, -0.36, 0.12, 0.12, (250, 190, 50))
        pen.ellipse(side * 0.22, -0.36, 0.07, 0.07, _EYE)
        pen.line([(side * 0.14, 0.86), (side * 0.14, 0.93)], 0.08, (226, 150, 50))
    pen.polygon([(-0.08, -0.26), (0.08, -0.26), (0, -0.06)], (226, 150, 50))


def person(pen: Pen, ink: Ink, chance: Random, _detail: int) -> None:
    skin = chance.choice(((244, 204, 172), (206, 150, 108), (138, 90, 62), (96, 62, 44)))
    hair = chance.choice(((40, 30, 28), (110, 66, 36), (206, 158, 84), (150, 150, 154)))
    sway = chance.uniform(-0.08, 0.08)
    for x in (-0.12, 0.12):
        pen.line([(x, 0.3), (x + sway, 0.9)], 0.17, ink.deep)
    for side in (-1, 1):
        pen.line([(side * 0.22, -0.3), (side * 0.38, 0.05), (side * 0.34 + sway, 0.28)], 0.13, ink.dark)
        pen.ellipse(side * 0.34 + sway, 0.32, 0.07, 0.07, skin)
    pen.blob([(-0.28, -0.4), (0.28, -0.4), (0.26, 0.1), (0.24, 0.42), (-0.24, 0.42), (-0.26, 0.1)], ink.main)
    pen.box(-0.07, -0.54, 0.07, -0.36, skin)
    pen.ellipse(0, -0.7, 0.22, 0.25, hair)
    pen.ellipse(0, -0.66, 0.18, 0.21, skin)
    face: tuple[Point, Point] = ((-0.07, -0.68), (0.07, -0.68))
    for x, y in face:
        pen.ellipse(x, y, 0.024, 0.03, _EYE)
