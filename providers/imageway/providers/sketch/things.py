"""Buildings, vehicles and things. Whatever stands, stands on y = 0.95."""

import math
from random import Random

from imageway.providers.sketch.canvas import Pen
from imageway.providers.sketch.colours import RGB, Ink, tint

__all__ = (
    "backpack", "bicycle", "boat", "book", "bottle", "camera", "car", "castle", "chair", "cup", "guitar", "headphones",
    "house", "lamp", "laptop", "lighthouse", "phone", "robot", "rocket", "shoe", "umbrella", "vase", "watch",
)  # fmt: skip

_GLASS: RGB = (186, 222, 240)
_RUBBER: RGB = (34, 34, 40)
_STEEL: RGB = (196, 202, 210)
_LAMPLIGHT: RGB = (255, 214, 120)


def house(pen: Pen, ink: Ink, chance: Random, detail: int) -> None:
    pen.box(0.3, -0.78, 0.5, -0.2, ink.dark)
    pen.box(-0.7, -0.1, 0.7, 0.95, tint(ink.main, 0.3))
    pen.polygon([(-0.9, -0.05), (0, -0.8), (0.9, -0.05)], ink.deep)
    for row in range(detail):
        pen.line([(-0.7, 0.1 + row * 0.8 / detail), (0.7, 0.1 + row * 0.8 / detail)], 0.012, ink.main)
    door = chance.choice((-0.4, 0.0, 0.4))
    pen.box(door - 0.14, 0.4, door + 0.14, 0.95, ink.accent, 0.05)
    for x in (-0.4, 0.0, 0.4):
        if x != door:
            pen.box(x - 0.15, 0.3, x + 0.15, 0.62, (250, 250, 244), 0.02)
            pen.box(x - 0.12, 0.33, x + 0.12, 0.59, _LAMPLIGHT)
            pen.line([(x, 0.33), (x, 0.59)], 0.02, (250, 250, 244))


def castle(pen: Pen, ink: Ink, _chance: Random, detail: int) -> None:
    for x, wide, top in ((-0.68, 0.2, -0.3), (0.68, 0.2, -0.3), (0.0, 0.26, -0.5)):
        pen.box(x - wide, top, x + wide, 0.95, ink.dark if x else ink.main)
        pen.polygon([(x - wide - 0.06, top), (x, top - 0.46), (x + wide + 0.06, top)], ink.accent)
        pen.box(x - 0.05, top + 0.18, x + 0.05, top + 0.4, _LAMPLIGHT, 0.05)
    pen.box(-0.55, 0.25, 0.55, 0.95, ink.main)
    for tooth in range(6):
        pen.box(-0.55 + tooth * 0.19, 0.13, -0.43 + tooth * 0.19, 0.26, ink.main)
    for course in range(2 * detail):
        pen.line([(-0.5, 0.36 + course * 0.5 / detail / 2), (0.5, 0.36 + course * 0.5 / detail / 2)], 0.008, ink.dark)
    pen.box(-0.17, 0.5, 0.17, 0.95, ink.deep, 0.16)


def lighthouse(pen: Pen, ink: Ink, _chance: Random, _detail: int) -> None:
    for band in range(5):
        top, low = -0.4 + band * 0.27, -0.4 + (band + 1) * 0.27
        wide = 0.18 + band * 0.045
        pen.polygon(
            [(-wide, top), (wide, top), (wide + 0.045, low), (-wide - 0.045, low)],
            (248, 246, 240) if band % 2 else ink.main,
        )
    pen.box(-0.28, -0.46, 0.28, -0.38, _RUBBER)
    pen.box(-0.16, -0.7, 0.16, -0.46, _LAMPLIGHT)
    pen.polygon([(-0.24, -0.7), (0, -0.95), (0.24, -0.7)], ink.dark)


def car(pen: Pen, ink: Ink, chance: Random, detail: int) -> None:
    side = chance.choice((-1, 1))
    roof = chance.uniform(-0.02, 0.08)
    pen.blob(
        [
            (side * x, y)
            for x, y in ((-0.62, 0.4), (-0.42, roof), (0.2, roof - 0.02), (0.6, 0.38), (0.2, 0.46), (-0.4, 0.46))
        ],
        ink.dark,
    )
    for left, right in ((-0.42, -0.08), (-0.02, 0.4)):
        low = [
            (side * left, 0.38),
            (side * right, 0.38),
            (side * (right - 0.14), roof + 0.08),
            (side * (left + 0.08), roof + 0.08),
        ]
        pen.polygon(low, _GLASS)
    pen.blob(
        [
            (side * x, y)
            for x, y in (
                (-0.94, 0.7),
                (-0.9, 0.42),
                (-0.4, 0.36),
                (0.5, 0.36),
                (0.9, 0.48),
                (0.96, 0.72),
                (0.5, 0.8),
                (-0.5, 0.8),
            )
        ],
        ink.main,
    )
    pen.ellipse(side * 0.88, 0.56, 0.06, 0.05, (255, 244, 196))
    pen.ellipse(side * -0.9, 0.54, 0.035, 0.06, (226, 60, 50))
    if detail > 1:
        pen.line([(side * -0.05, 0.42), (side * -0.05, 0.72)], 0.012, ink.dark)
        pen.line([(side * -0.85, 0.64), (side * 0.9, 0.66)], 0.018, ink.light)
    for x in (-0.54, 0.54):
        pen.ellipse(x, 0.76, 0.19, 0.19, _RUBBER)
        pen.ellipse(x, 0.76, 0.1, 0.1, _STEEL)


def bicycle(pen: Pen, ink: Ink, _chance: Random, detail: int) -> None:
    for x in (-0.55, 0.55):
        pen.arc(x, 0.55, 0.36, 0, 360, 0.05, _RUBBER)
        for spoke in range(4 + detail * 2):
            angle = math.tau * spoke / (4 + detail * 2)
            pen.line([(x, 0.55), (x + 0.34 * math.cos(angle), 0.55 + 0.34 * math.sin(angle))], 0.008, _STEEL)
    for line in (
        ((-0.55, 0.55), (-0.2, 0.0), (0.38, 0.0), (0.0, 0.55), (-0.55, 0.55)),
        ((0.0, 0.55), (-0.24, -0.1)),
        ((0.55, 0.55), (0.34, -0.2)),
    ):
        pen.line(line, 0.06, ink.main)
    pen.line([(-0.38, -0.12), (-0.1, -0.12)], 0.08, _RUBBER)
    pen.line([(0.22, -0.24), (0.34, -0.22), (0.46, -0.1)], 0.05, _RUBBER)


def boat(pen: Pen, ink: Ink, chance: Random, _detail: int) -> None:
    side = chance.choice((-1, 1))
    pen.line([(0, 0.5), (0, -0.92)], 0.05, (112, 78, 50))
    pen.blob([(side * 0.05, -0.85), (side * 0.4, -0.3), (side * 0.72, 0.38), (side * 0.05, 0.4)], (250, 246, 236))
    pen.blob([(side * -0.05, -0.62), (side * -0.28, -0.1), (side * -0.5, 0.38), (side * -0.05, 0.4)], ink.accent)
    pen.polygon([(-0.92, 0.5), (0.92, 0.5), (0.62, 0.92), (-0.66, 0.92)], ink.main)
    pen.polygon([(-0.92, 0.5), (0.92, 0.5), (0.86, 0.6), (-0.86, 0.6)], ink.light)


def rocket(pen: Pen, ink: Ink, _chance: Random, _detail: int) -> None:
    pen.blob([(-0.16, 0.5), (-0.1, 0.75), (0, 0.98), (0.1, 0.75), (0.16, 0.5)], (250, 160, 40))
    for side in (-1, 1):
        pen.blob([(side * 0.2, 0.1), (side * 0.54, 0.5), (side * 0.5, 0.72), (side * 0.2, 0.5)], ink.accent)
    pen.blob([(0, -0.96), (0.26, -0.5), (0.32, 0.1), (0.2, 0.56), (-0.2, 0.56), (-0.32, 0.1), (-0.26, -0.5)], ink.main)
    pen.blob([(0, -0.96), (0.2, -0.6), (0, -0.52), (-0.2, -0.6)], ink.accent)
    pen.ellipse(0, -0.16, 0.16, 0.16, _STEEL)
    pen.ellipse(0, -0.16, 0.115, 0.115, (96, 160, 206))


def robot(pen: Pen, ink: Ink, _chance: Random, detail: int) -> None:
    pen.line([(0, -0.7), (0, -0.9)], 0.04, _STEEL)
    pen.ellipse(0, -0.92, 0.06, 0.06, ink.accent)
    pen.box(-0.42, -0.72, 0.42, -0.1, ink.main, 0.12)
    pen.box(-0.34, -0.58, 0.34, -0.28, _RUBBER, 0.1)
    for x in (-0.17, 0.17):
        pen.ellipse(x, -0.43, 0.08, 0.08, (120, 232, 240))
        pen.box(x - 0.1, 0.6, x + 0.1, 0.95, ink.dark, 0.05)
    for side in (-1, 1):
        pen.line([(side * 0.46, 0.08), (side * 0.68, 0.34), (side * 0.62, 0.54)], 0.12, ink.dark)
    pen.box(-0.46, -0.04, 0.46, 0.64, ink.main, 0.1)
    pen.box(-0.26, 0.12, 0.26, 0.44, ink.light, 0.04)
    for light in range(1 + detail):
        pen.ellipse(-0.2 + light * 0.1, 0.28, 0.035, 0.035, ink.accent)


def cup(pen: Pen, ink: Ink, _chance: Random, _detail: int) -> None:
    pen.arc(0.56, 0.3, 0.26, -90, 110, 0.12, ink.dark)
    pen.blob([(-0.62, -0.2), (-0.58, 0.4), (-0.36, 0.9), (0.36, 0.9), (0.58, 0.4), (0.62, -0.2)], ink.main)
    pen.ellipse(0, -0.22, 0.63, 0.17, ink.light)
    pen.ellipse(0, -0.2, 0.54, 0.12, (84, 50, 32))
    for x in (-0.2, 0.14):
        pen.line([(x, -0.42), (x + 0.07, -0.6), (x - 0.04, -0.76), (x + 0.05, -0.92)], 0.03, (236, 236, 240, 130))


def bottle(pen: Pen, ink: Ink, _chance: Random, detail: int) -> None:
    pen.box(-0.12, -0.95, 0.12, -0.72, ink.accent, 0.03)
    pen.blob(
        [
            (-0.11, -0.74),
            (-0.12, -0.42),
            (-0.34, -0.12),
            (-0.35, 0.4),
            (-0.33, 0.93),
            (0.33, 0.93),
            (0.35, 0.4),
            (0.34, -0.12),
            (0.12, -0.42),
            (0.11, -0.74),
        ],
        ink.main,
    )
    pen.box(-0.34, 0.12, 0.34, 0.6, (248, 244, 234))
    for line in range(1 + detail):
        pen.line([(-0.2, 0.24 + line * 0.07), (0.2 - 0.1 * (line % 2), 0.24 + line * 0.07)], 0.02, ink.deep)
    pen.line([(-0.25, -0.05), (-0.27, 0.85)], 0.03, ink.pale)


def vase(pen: Pen, ink: Ink, _chance: Random, detail: int) -> None:
    pen.blob(
        [(-0.2, -0.85), (-0.16, -0.5), (-0.55, 0.1), (-0.3, 0.9), (0.3, 0.9), (0.55, 0.1), (0.16, -0.5), (0.2, -0.85)],
        ink.main,
    )
    for band in range(detail):
        pen.line([(-0.4, 0.0 + band * 0.12), (0.4, 0.0 + band * 0.12)], 0.03, ink.accent)
    pen.ellipse(0, -0.86, 0.24, 0.06, ink.deep)


def watch(pen: Pen, ink: Ink, chance: Random, detail: int) -> None:
    for side in (-1, 1):
        pen.polygon([(-0.3, side * 0.4), (0.3, side * 0.4), (0.22, side * 0.96), (-0.22, side * 0.96)], ink.dark)
        for hole in range(1 + detail // 2):
            pen.ellipse(0, side * (0.64 + hole * 0.1), 0.025, 0.025, ink.deep)
    pen.box(0.5, -0.14, 0.6, 0.14, _STEEL, 0.04)
    pen.box(-0.54, -0.56, 0.54, 0.56, ink.main, 0.2)
    pen.box(-0.46, -0.48, 0.46, 0.48, (16, 18, 26), 0.15)
    for index, colour in enumerate(((250, 70, 100), (150, 230, 60), (60, 200, 240))):
        pen.arc(0, 0, 0.38 - index * 0.1, -90, -90 + chance.uniform(160, 330), 0.07, colour)
    angle = chance.uniform(0, math.tau)
    pen.line([(0, 0), (0.1 * math.cos(angle), 0.1 * math.sin(angle))], 0.02, (255, 255, 255))


def headphones(pen: Pen, ink: Ink, chance: Random, detail: int) -> None:
    wide = chance.uniform(0.56, 0.64)
    pen.arc(0, 0.05, wide + 0.06, 180, 360, 0.16, ink.main)
    pen.arc(0, 0.05, wide - 0.01, 195, 345, 0.06, ink.light)
    for side in (-1, 1):
        pen.line([(side * (wide + 0.06), 0.0), (side * (wide + 0.05), 0.3)], 0.07, _STEEL)
        pen.box(min(side * (wide - 0.2), side * wide), 0.06, max(side * (wide - 0.2), side * wide), 0.78, _RUBBER, 0.09)
        pen.blob(
            [
                (side * (wide - 0.03), 0.02),
                (side * (wide + 0.24), 0.12),
                (side * (wide + 0.3), 0.42),
                (side * (wide + 0.24), 0.74),
                (side * (wide - 0.03), 0.84),
            ],
            ink.main,
        )
        pen.ellipse(side * (wide + 0.15), 0.43, 0.07, 0.2, ink.dark)
        for dot in range(detail):
            pen.ellipse(side * (wide + 0.15), 0.3 + dot * 0.26 / detail, 0.016, 0.016, ink.accent)


def chair(pen: Pen, ink: Ink, _chance: Random, _detail: int) -> None:
    for x in (-0.46, 0.46):
        pen.line([(x * 0.8, 0.2), (x, 0.92)], 0.08, (128, 86, 52))
    for x in (-0.3, 0.3):
        pen.line([(x, 0.25), (x * 1.1, 0.8)], 0.06, (98, 64, 40))
    pen.blob([(-0.44, 0.1), (-0.5, -0.5), (-0.38, -0.88), (0.38, -0.88), (0.5, -0.5), (0.44, 0.1)], ink.main)
    pen.blob([(-0.34, 0.0), (-0.38, -0.5), (-0.28, -0.76), (0.28, -0.76), (0.38, -0.5), (0.34, 0.0)], ink.light)
    pen.box(-0.56, 0.06, 0.56, 0.34, ink.dark, 0.12)


def book(pen: Pen, ink: Ink, _chance: Random, detail: int) -> None:
    pen.polygon([(-0.96, -0.34), (0, -0.2), (0.96, -0.34), (0.96, 0.62), (0, 0.8), (-0.96, 0.62)], ink.main)
    for side in (-1, 1):
        pen.blob(
            [(0, -0.22), (side * 0.4, -0.46), (side * 0.88, -0.42), (side * 0.88, 0.5), (side * 0.4, 0.48), (0, 0.7)],
            (252, 248, 236),
        )
        for line in range(3 + detail):
            y = -0.22 + line * 0.64 / (3 + detail)
            pen.line(
                [(side * 0.14, y + 0.05), (side * 0.46, y - 0.04), (side * 0.78, y - 0.02)], 0.018, (150, 146, 140)
            )
    pen.line([(0, -0.2), (0, 0.72)], 0.02, ink.dark)


def lamp(pen: Pen, ink: Ink, _chance: Random, _detail: int) -> None:
    pen.line([(0, -0.1), (0, 0.88)], 0.06, _STEEL)
    pen.ellipse(0, 0.88, 0.34, 0.07, _STEEL)
    pen.ellipse(0, -0.08, 0.12, 0.12, _LAMPLIGHT)
    pen.polygon([(-0.3, -0.85), (0.3, -0.85), (0.6, -0.1), (-0.6, -0.1)], ink.main)
    pen.polygon([(-0.6, -0.1), (0.6, -0.1), (0.56, -0.2), (-0.56, -0.2)], _LAMPLIGHT)


def phone(pen: Pen, ink: Ink, _chance: Random, detail: int) -> None:
    pen.box(-0.46, -0.95, 0.46, 0.95, ink.main, 0.12)
    pen.box(-0.41, -0.89, 0.41, 0.89, ink.deep, 0.09)
    for row in range(2 + detail):
        for column in range(4):
            fill = (ink.accent, ink.light, ink.pale, ink.main)[(row + column) % 4]
            x, y = -0.3 + column * 0.2, -0.68 + row * 0.22
            pen.box(x - 0.07, y - 0.07, x + 0.07, y + 0.07, fill, 0.03)
    pen.box(-0.12, -0.86, 0.12, -0.81, _RUBBER, 0.02)


def laptop(pen: Pen, ink: Ink, _chance: Random, detail: int) -> None:
    pen.box(-0.7, -0.6, 0.7, 0.36, _STEEL, 0.06)
    pen.box(-0.64, -0.54, 0.64, 0.3, ink.deep, 0.03)
    for bar in range(3 + detail):
        pen.box(
            -0.5,
            -0.42 + bar * 0.11,
            -0.1 + 0.09 * ((bar * 5) % 6),
            -0.37 + bar * 0.11,
            ink.light if bar % 2 else ink.accent,
            0.02,
        )
    pen.polygon([(-0.7, 0.36), (0.7, 0.36), (0.95, 0.62), (-0.95, 0.62)], ink.main)
    pen.polygon([(-0.62, 0.4), (0.62, 0.4), (0.7, 0.5), (-0.7, 0.5)], _RUBBER)
    pen.box(-0.95, 0.61, 0.95, 0.67, ink.dark, 0.02)


def camera(pen: Pen, ink: Ink, _chance: Random, _detail: int) -> None:
    pen.box(-0.3, -0.55, 0.3, -0.2, ink.dark, 0.06)
    pen.box(-0.9, -0.35, 0.9, 0.65, ink.main, 0.12)
    pen.box(-0.9, -0.1, 0.9, 0.42, ink.deep)
    for radius, fill in (
        (0.46, _STEEL),
        (0.4, _RUBBER),
        (0.3, (40, 50, 80)),
        (0.2, (60, 96, 150)),
        (0.1, (20, 24, 40)),
    ):
        pen.ellipse(0, 0.15, radius, radius, fill)
    pen.ellipse(-0.1, 0.04, 0.07, 0.06, (220, 236, 250))
    pen.box(0.5, -0.26, 0.74, -0.14, _GLASS, 0.02)
    pen.ellipse(-0.64, -0.38, 0.12, 0.06, ink.accent)


def shoe(pen: Pen, ink: Ink, _chance: Random, detail: int) -> None:
    pen.blob(
        [(-0.86, 0.6), (-0.84, -0.2), (-0.46, -0.36), (-0.24, -0.05), (0.2, 0.18), (0.78, 0.32), (0.94, 0.62)], ink.main
    )
    pen.blob([(0.5, 0.26), (0.8, 0.34), (0.94, 0.6), (0.5, 0.6)], ink.light)
    pen.box(-0.9, 0.56, 0.96, 0.78, (248, 246, 240), 0.1)
    for lace in range(3 + detail // 2):
        pen.line(
            [(-0.3 + lace * 0.13, 0.16 + lace * 0.04), (-0.12 + lace * 0.13, 0.0 + lace * 0.065)],
            0.035,
            (250, 250, 250),
        )
    pen.blob([(-0.7, 0.5), (-0.3, 0.2), (0.2, 0.46), (-0.2, 0.4)], ink.accent)


def backpack(pen: Pen, ink: Ink, _chance: Random, _detail: int) -> None:
    pen.arc(0, -0.72, 0.18, 180, 360, 0.07, ink.deep)
    for side in (-1, 1):
        pen.box(side * 0.6 - 0.14, 0.1, side * 0.6 + 0.14, 0.85, ink.dark, 0.1)
    pen.blob([(-0.5, -0.6), (0, -0.8), (0.5, -0.6), (0.58, 0.2), (0.52, 0.9), (-0.52, 0.9), (-0.58, 0.2)], ink.main)
    pen.box(-0.38, 0.15, 0.38, 0.78, ink.dark, 0.1)
    pen.line([(-0.3, 0.3), (0.3, 0.3)], 0.03, ink.accent)
    pen.line([(-0.44, -0.2), (0.44, -0.2)], 0.03, ink.light)


def umbrella(pen: Pen, ink: Ink, _chance: Random, _detail: int) -> None:
    pen.line([(0, -0.2), (0, 0.8)], 0.05, (110, 76, 50))
    pen.arc(0.12, 0.8, 0.12, 0, 180, 0.05, (110, 76, 50))
    pen.polygon(
        [(0.94 * math.cos(math.pi * step / 30), -0.1 - 0.75 * math.sin(math.pi * step / 30)) for step in range(31)],
        ink.main,
    )
    pen.polygon([(0, -0.86), (0.32, -0.1), (-0.32, -0.1)], ink.accent)
    pen.line([(0, -0.86), (0, -0.96)], 0.03, (110, 76, 50))


def guitar(pen: Pen, ink: Ink, _chance: Random, _detail: int) -> None:
    pen.line([(0, 0.2), (0, -0.8)], 0.12, (92, 60, 40))
    pen.box(-0.11, -0.97, 0.11, -0.74, ink.deep, 0.04)
    pen.blob(
        [
            (0, -0.05),
            (0.3, -0.02),
            (0.28, 0.3),
            (0.48, 0.62),
            (0.3, 0.93),
            (-0.3, 0.93),
            (-0.48, 0.62),
            (-0.28, 0.3),
            (-0.3, -0.02),
        ],
        ink.main,
    )
    pen.ellipse(0, 0.36, 0.14, 0.14, _RUBBER)
    pen.box(-0.2, 0.68, 0.2, 0.75, (72, 46, 32), 0.02)
    for string in range(4):
        x = -0.045 + string * 0.03
        pen.line([(x, -0.9), (x, 0.72)], 0.008, (236, 232, 220))
