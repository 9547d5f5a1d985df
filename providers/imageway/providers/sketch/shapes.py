"""Plain shapes and what hangs in the sky."""

import math
from random import Random

from imageway.providers.sketch.canvas import Pen, Point
from imageway.providers.sketch.colours import Ink

__all__ = (
    "balloon", "bird", "circle", "cloud", "diamond", "heart", "hexagon", "moon", "rainbow", "ring", "square", "star",
    "sun", "triangle",
)  # fmt: skip


def _regular(corners: int, radius: float, turn: float = -math.pi / 2) -> list[Point]:
    angles = [turn + math.tau * corner / corners for corner in range(corners)]
    return [(radius * math.cos(angle), radius * math.sin(angle)) for angle in angles]


def circle(pen: Pen, ink: Ink, _chance: Random, _detail: int) -> None:
    pen.ellipse(0, 0, 0.92, 0.92, ink.main)


def square(pen: Pen, ink: Ink, _chance: Random, _detail: int) -> None:
    pen.box(-0.8, -0.8, 0.8, 0.8, ink.main, 0.04)


def triangle(pen: Pen, ink: Ink, _chance: Random, _detail: int) -> None:
    pen.polygon([(0, -0.86), (0.94, 0.78), (-0.94, 0.78)], ink.main)


def hexagon(pen: Pen, ink: Ink, _chance: Random, _detail: int) -> None:
    pen.polygon(_regular(6, 0.94), ink.main)


def star(pen: Pen, ink: Ink, _chance: Random, _detail: int) -> None:
    outer, inner = _regular(5, 0.96), _regular(5, 0.4, -math.pi / 2 + math.pi / 5)
    pen.polygon([point for pair in zip(outer, inner, strict=True) for point in pair], ink.main)


def heart(pen: Pen, ink: Ink, _chance: Random, _detail: int) -> None:
    outline: list[Point] = []
    for step in range(90):
        t = math.tau * step / 90
        y = 13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)
        outline.append((16 * math.sin(t) ** 3 / 17.5, -y / 17.5 - 0.12))
    pen.polygon(outline, ink.main)


def diamond(pen: Pen, ink: Ink, _chance: Random, _detail: int) -> None:
    top = [(-0.55, -0.6), (-0.18, -0.6), (0.18, -0.6), (0.55, -0.6)]
    girdle: list[Point] = [(-0.92, -0.15), (-0.35, -0.15), (0.35, -0.15), (0.92, -0.15)]
    tip = (0.0, 0.9)
    for index, fill in enumerate((ink.dark, ink.main, ink.light)):
        pen.polygon([girdle[index], girdle[index + 1], tip], fill)
        pen.polygon(
            [top[index], top[index + 1], girdle[index + 1], girdle[index]], (ink.main, ink.light, ink.pale)[index]
        )
    pen.polygon([top[0], girdle[0], girdle[1]], ink.light)
    pen.polygon([top[3], girdle[3], girdle[2]], ink.main)


def ring(pen: Pen, ink: Ink, _chance: Random, _detail: int) -> None:
    pen.arc(0, 0, 0.74, 0, 360, 0.32, ink.main)


def sun(pen: Pen, ink: Ink, _chance: Random, detail: int) -> None:
    for ray in range(12 + 2 * detail):
        angle = math.tau * ray / (12 + 2 * detail)
        far = 0.96 if ray % 2 else 0.82
        points = [(0.58 * math.cos(angle + turn), 0.58 * math.sin(angle + turn)) for turn in (-0.1, 0.1)]
        pen.polygon([*points, (far * math.cos(angle), far * math.sin(angle))], ink.light)
    pen.ellipse(0, 0, 0.6, 0.6, ink.main)


def moon(pen: Pen, ink: Ink, chance: Random, detail: int) -> None:
    pen.ellipse(0, 0, 0.9, 0.9, ink.main)
    for _ in range(4 + 2 * detail):
        angle, far, radius = chance.uniform(0, math.tau), chance.uniform(0, 0.66), chance.uniform(0.05, 0.17)
        pen.ellipse(far * math.cos(angle), far * math.sin(angle), radius, radius * 0.9, ink.dark)
        pen.ellipse(
            far * math.cos(angle) + 0.015, far * math.sin(angle) + 0.015, radius * 0.82, radius * 0.74, ink.light
        )


def cloud(pen: Pen, ink: Ink, chance: Random, detail: int) -> None:
    pen.box(-0.85, 0.05, 0.85, 0.4, ink.main, 0.17)
    for puff in range(4 + detail):
        x = -0.55 + 1.1 * puff / (3 + detail)
        radius = chance.uniform(0.22, 0.42) * (1 - 0.4 * abs(x))
        pen.ellipse(x, 0.1 - radius * 0.4, radius, radius, ink.main)


def rainbow(pen: Pen, _ink: Ink, _chance: Random, _detail: int) -> None:
    bands = ((226, 62, 62), (244, 148, 44), (250, 216, 72), (84, 182, 96), (66, 130, 214), (132, 82, 186))
    for index, colour in enumerate(bands):
        pen.arc(0, 0.7, 0.92 - index * 0.085, 180, 360, 0.09, colour)


def bird(pen: Pen, ink: Ink, chance: Random, _detail: int) -> None:
    lift = chance.uniform(0.3, 0.7)
    pen.blob([(-0.95, -lift), (-0.45, -0.25), (-0.02, 0.02), (-0.1, 0.16), (-0.5, -0.02)], ink.dark)
    pen.blob([(0.95, -lift * 0.9), (0.4, -0.3), (-0.02, 0.02), (0.08, 0.16), (0.5, -0.04)], ink.main)
    pen.blob([(-0.3, 0.2), (0.1, -0.06), (0.42, -0.02), (0.5, 0.06), (0.2, 0.22), (-0.42, 0.34)], ink.main)
    pen.polygon([(0.46, -0.01), (0.64, 0.06), (0.46, 0.1)], ink.accent)
    pen.ellipse(0.38, 0.03, 0.025, 0.025, (20, 20, 26))


def balloon(pen: Pen, ink: Ink, _chance: Random, detail: int) -> None:
    pen.blob(
        [
            (0, -0.95),
            (0.52, -0.72),
            (0.66, -0.25),
            (0.4, 0.25),
            (0.14, 0.5),
            (-0.14, 0.5),
            (-0.4, 0.25),
            (-0.66, -0.25),
            (-0.52, -0.72),
        ],
        ink.main,
    )
    if detail > 1:
        for x in (-0.3, 0.3):
            pen.blob([(0, -0.93), (x * 1.45, -0.3), (x * 0.4, 0.48), (x * 0.7, -0.3)], ink.accent)
    for x in (-0.12, 0.12):
        pen.line([(x, 0.5), (x, 0.74)], 0.02, ink.deep)
    pen.box(-0.17, 0.72, 0.17, 0.95, (136, 92, 54), 0.04)
