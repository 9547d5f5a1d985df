"""What a scene stands on: studio backdrops and outdoor places with sky, light, land and weather."""

import math
from collections.abc import Callable
from itertools import pairwise
from random import Random

from msgspec import Struct
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from imageway.providers.sketch.canvas import Point, glow, noise, smooth, wash
from imageway.providers.sketch.colours import RGB, mix, shade, tint

__all__ = ("Setting", "backdrop", "outdoors", "weather")

_SKIES: dict[str, tuple[tuple[RGB, ...], ...]] = {
    "day": (((74, 142, 220), (196, 224, 246)), ((52, 124, 190), (226, 236, 228)), ((110, 182, 222), (250, 240, 216))),
    "sunset": (
        ((44, 30, 92), (176, 54, 112), (250, 132, 62), (255, 214, 122)),
        ((70, 46, 120), (228, 92, 96), (255, 182, 96)),
        ((26, 44, 100), (142, 74, 136), (244, 120, 92), (255, 202, 140)),
    ),
    "dawn": (((96, 128, 190), (236, 178, 190), (255, 226, 188)), ((70, 110, 168), (190, 186, 214), (255, 214, 180))),
    "night": (((8, 10, 34), (22, 30, 78), (52, 62, 118)), ((6, 14, 30), (16, 44, 74), (38, 84, 108))),
    "storm": (((62, 72, 88), (118, 128, 140), (168, 174, 180)), ((48, 56, 76), (98, 104, 122), (150, 156, 160))),
    "space": (((6, 4, 22), (30, 14, 62), (10, 24, 60)), ((2, 8, 22), (10, 44, 66), (44, 16, 66))),
    "underwater": (((70, 196, 214), (16, 112, 164), (6, 40, 86)), ((120, 220, 206), (20, 130, 150), (8, 46, 72))),
}
_LAND: dict[str, tuple[RGB, ...]] = {
    "snow": ((238, 244, 252), (216, 228, 244), (198, 214, 236)), "sea": ((40, 112, 156), (26, 86, 134), (70, 146, 176)),
    "beach": ((236, 212, 164), (226, 196, 142), (244, 226, 186)), "forest": ((46, 98, 62), (34, 76, 52), (70, 124, 74)),
    "desert": ((228, 170, 104), (206, 140, 82), (240, 194, 130)),
    "underwater": ((196, 190, 146), (120, 150, 140), (80, 126, 136)),
    "city": ((70, 76, 92), (54, 58, 76), (92, 98, 112)), "mountains": ((88, 124, 92), (72, 104, 86), (112, 140, 98)),
    "meadow": ((104, 164, 78), (84, 142, 70), (138, 186, 92)), "room": ((150, 106, 72), (128, 88, 60), (176, 130, 92)),
}  # fmt: skip
_FALLING = {"snow": (250, 252, 255), "storm": (206, 214, 226)}


class Setting(Struct, frozen=True, kw_only=True):
    """Where a picture plays, with the choices that its seed made; `light` points to where the light comes from."""

    size: tuple[int, int]
    place: str
    hour: str
    horizon: float
    light: Point
    colours: tuple[RGB, ...]
    detail: int


def backdrop(size: tuple[int, int], colour: RGB, light: Point, chance: Random) -> Image.Image:
    """A studio's seamless paper in *colour*: even enough to count as that colour, uneven enough to look lit."""
    depth = 0.065 if min(colour) > 225 else 0.16
    sheet = wash(size, (tint(colour, 0.25), colour, shade(colour, depth)), math.atan2(-light[1], -light[0]))
    centre = (size[0] * (0.5 + light[0] * 0.3), size[1] * chance.uniform(0.2, 0.7))
    glow(sheet, centre, max(size) * chance.uniform(0.35, 0.6), tint(colour, 0.5), 0.6)
    return sheet


def outdoors(setting: Setting, chance: Random) -> Image.Image:
    """Sky and land without the figures."""
    height = setting.size[1]
    sky = setting.place if setting.place in {"space", "underwater"} else setting.hour
    lean = math.pi / 2 + setting.light[0] * chance.uniform(0.2, 0.6)
    image = wash(setting.size, chance.choice(_SKIES[sky]), lean)
    _sky_details(image, setting, sky, chance)
    if setting.place == "space":
        _planets(image, setting, chance)
        return image
    land = _LAND.get(setting.place, _LAND["meadow"])
    dim = {"night": 0.55, "sunset": 0.22, "storm": 0.25, "dawn": 0.1}.get(setting.hour, 0.0)
    shades = tuple(shade(colour, dim) for colour in land)
    _FAR.get(setting.place, _hills)(image, setting, shades, chance)
    ground = round(height * setting.horizon)
    _ridge(image, setting, ground, 0.03 if setting.place in {"sea", "city", "room"} else 0.09, shades[0], chance)
    _ground_details(image, setting, ground, shades, chance)
    return image


def weather(image: Image.Image, setting: Setting, chance: Random) -> Image.Image:
    """Snow or rain in front of everything, then the light of the hour over it all."""
    kind = "snow" if setting.place == "snow" else setting.hour
    if kind in _FALLING:
        width, height = image.size
        veil = Image.new("L", image.size)
        draw = ImageDraw.Draw(veil)
        for _ in range(60 + 50 * setting.detail):
            x, y, depth = chance.uniform(0, width), chance.uniform(0, height), chance.random()
            if kind == "snow":
                radius = min(image.size) * (0.002 + 0.006 * depth**3)
                draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=round(120 + 120 * depth))
            else:
                fall = height * (0.03 + 0.05 * depth)
                draw.line(
                    (x, y, x - setting.light[0] * fall * 0.4, y + fall),
                    fill=round(50 + 70 * depth),
                    width=max(1, height // 600),
                )
        image.paste(_FALLING[kind], (0, 0), veil.filter(ImageFilter.GaussianBlur(min(image.size) / 1400)))
    if setting.hour in {"sunset", "dawn"}:
        reach = max(image.size) * 0.75
        glow(
            image,
            (image.width * (0.5 + setting.light[0] * 0.5), image.height * setting.horizon),
            reach,
            (255, 150, 70),
            0.22,
        )
    return image


def _sky_details(image: Image.Image, setting: Setting, sky: str, chance: Random) -> None:
    width, height = setting.size
    clouds = noise(setting.size, max(width, height) / chance.choice((3, 4, 5, 7)), chance)
    veil = ImageChops.multiply(clouds, noise(setting.size, max(width, height) / 14, chance))
    floor = chance.randint(40, 70)
    colour = {"sunset": (255, 170, 130), "night": (70, 84, 140), "space": (150, 70, 190), "storm": (60, 66, 80)}.get(
        sky, (255, 255, 255)
    )
    strength = 0.35 if sky in {"underwater", "night"} else 0.85
    image.paste(
        colour, (0, 0), veil.point([min(230, max(0, round((value - floor) * 2 * strength))) for value in range(256)])
    )
    x, y = (
        width * (0.5 + setting.light[0] * chance.uniform(0.22, 0.42)),
        height * setting.horizon * chance.uniform(0.25, 0.7),
    )
    draw = ImageDraw.Draw(image)
    if sky in {"night", "space"}:
        for _ in range(50 + 60 * setting.detail):
            sx, sy, radius = (
                chance.uniform(0, width),
                chance.uniform(0, height),
                min(width, height) * chance.uniform(0.0006, 0.0022),
            )
            draw.ellipse((sx - radius, sy - radius, sx + radius, sy + radius), fill=(255, 250, 232))
    if sky in {"day", "sunset", "dawn", "night"}:
        disc = min(width, height) * chance.uniform(0.045, 0.09)
        y = height * setting.horizon * (0.82 if sky in {"sunset", "dawn"} else 0.4)
        bright = (232, 236, 250) if sky == "night" else (255, 244, 206)
        glow(image, (x, y), disc * (5 if sky == "night" else 8), bright, 0.55)
        sun = Image.new("L", (round(disc * 8), round(disc * 8)))
        ImageDraw.Draw(sun).ellipse((disc * 0.4, disc * 0.4, disc * 7.6, disc * 7.6), fill=255)
        sun = sun.resize((round(disc * 2), round(disc * 2)), Image.Resampling.LANCZOS)
        image.paste(bright, (round(x - disc), round(y - disc)), sun)
    if sky == "underwater":
        for _ in range(3 + setting.detail):
            top, lean, wide = (
                chance.uniform(0, width),
                chance.uniform(-0.3, 0.3) * height,
                width * chance.uniform(0.02, 0.09),
            )
            shaft = Image.new("L", (width // 4, height // 4))
            corners = [(top, 0), (top + wide, 0), (top + wide * 2 + lean, height), (top - wide + lean, height)]
            ImageDraw.Draw(shaft).polygon([(px / 4, py / 4) for px, py in corners], fill=38)
            image.paste(
                (220, 255, 250),
                (0, 0),
                shaft.filter(ImageFilter.GaussianBlur(6)).resize(image.size, Image.Resampling.BICUBIC),
            )


def _planets(image: Image.Image, setting: Setting, chance: Random) -> None:
    for index in range(chance.randint(1, 3)):
        radius = round(min(setting.size) * chance.uniform(0.06, 0.2 if index else 0.36))
        colour = chance.choice(setting.colours)
        disc = Image.new("L", (radius * 4, radius * 4))
        ImageDraw.Draw(disc).ellipse((4, 4, radius * 4 - 5, radius * 4 - 5), fill=255)
        face = wash(
            (radius * 2, radius * 2),
            (tint(colour, 0.45), colour, shade(colour, 0.75)),
            math.atan2(-setting.light[1], -setting.light[0]),
        )
        bands = (
            noise((2, radius * 2), radius / 4, chance)
            .resize((radius * 2, radius * 2))
            .point([value // 4 for value in range(256)])
        )
        face.paste(shade(colour, 0.3), (0, 0), bands)
        image.paste(
            face,
            (chance.randint(-radius, setting.size[0] - radius), chance.randint(-radius, setting.size[1] - radius)),
            disc.reduce(2),
        )


def _ridge(
    image: Image.Image, setting: Setting, base: int, rough: float, colour: RGB, chance: Random, *, jagged: bool = False
) -> None:
    """Land from a line around *base* (pixels) down to the picture's foot."""
    width, height = setting.size
    count = chance.randint(5, 9) if jagged else chance.randint(3, 6)
    line = [
        (width * (step - 0.5) / (count - 1.0), base + chance.uniform(-1, 1) * rough * height)
        for step in range(count + 1)
    ]
    if jagged:
        line = [
            point
            for a, b in pairwise(line)
            for point in (a, ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2 + rough * height * chance.choice((-1.0, 0.7))))
        ]
    outline = line if jagged else smooth(line, closed=False)
    outline = [
        (-width, outline[0][1]),
        *outline,
        (width * 2, outline[-1][1]),
        (width * 2, height * 2),
        (-width, height * 2),
    ]
    top = max(0, math.floor(min(y for _, y in outline)) - 2)
    if top >= height:
        return
    mask = Image.new("L", (width, height - top))
    double = Image.new("L", (width * 2, (height - top) * 2)) if width * height < 2_500_000 else mask
    factor = double.width // mask.width
    ImageDraw.Draw(double).polygon([(x * factor, (y - top) * factor) for x, y in outline], fill=255)
    mask = double.reduce(2) if factor == 2 else double
    lean = math.pi / 2 - setting.light[0] * chance.uniform(0.2, 0.9)
    image.paste(wash(mask.size, (tint(colour, 0.16), colour, shade(colour, 0.3)), lean), (0, top), mask)


def _hills(image: Image.Image, setting: Setting, shades: tuple[RGB, ...], chance: Random) -> None:
    height = setting.size[1]
    haze = {"sunset": (206, 120, 120), "night": (36, 44, 88), "storm": (130, 138, 148)}.get(
        setting.hour, (176, 204, 226)
    )
    for layer in range(chance.randint(1, 3)):
        base = round(height * (setting.horizon - 0.16 + layer * 0.06))
        _ridge(image, setting, base, chance.uniform(0.06, 0.16), mix(haze, shades[1], 0.3 + layer * 0.25), chance)


def _mountains(image: Image.Image, setting: Setting, shades: tuple[RGB, ...], chance: Random) -> None:
    height = setting.size[1]
    stone = {"sunset": (120, 74, 112), "night": (34, 42, 78), "snow": (150, 172, 206)}.get(setting.hour, (92, 112, 146))
    for layer in range(3):
        base = round(height * (setting.horizon - 0.26 + layer * 0.1))
        _ridge(image, setting, base, 0.2 - layer * 0.05, mix(stone, shades[1], layer * 0.3), chance, jagged=True)


def _forest(image: Image.Image, setting: Setting, shades: tuple[RGB, ...], chance: Random) -> None:
    width, height = setting.size
    _hills(image, setting, shades, chance)
    draw = ImageDraw.Draw(image)
    for layer in range(3):
        foot = height * (setting.horizon - 0.05 + layer * 0.05)
        colour = mix(mix((150, 180, 190), shades[1], 0.45 + layer * 0.25), (10, 20, 24), 0.1 * layer)
        for _ in range(8 + 4 * setting.detail):
            x, tall = chance.uniform(-0.05, 1.05) * width, height * chance.uniform(0.14, 0.34)
            for tier in range(4):
                wide, top = tall * 0.2 * (1 - tier * 0.2), foot - tall * (0.1 + tier * 0.22)
                draw.polygon([(x - wide, top), (x, top - tall * 0.36), (x + wide, top)], fill=colour)
            draw.rectangle(
                (x - tall * 0.02, foot - tall * 0.12, x + tall * 0.02, foot + height * 0.1), fill=shade(colour, 0.2)
            )


def _city(image: Image.Image, setting: Setting, shades: tuple[RGB, ...], chance: Random) -> None:
    width, height = setting.size
    draw = ImageDraw.Draw(image)
    haze = {"sunset": (196, 96, 110), "night": (40, 46, 92), "storm": (120, 126, 136)}.get(
        setting.hour, (150, 178, 206)
    )
    peak = chance.uniform(0.2, 0.8)
    for layer in range(3):
        colour = mix(haze, shade(shades[1], 0.45), 0.2 + layer * 0.38)
        x = -width * 0.02
        while x < width:
            wide = width * chance.uniform(0.035, 0.1)
            rise = math.exp(-(((x / width - peak) / 0.3) ** 2))
            top = height * (setting.horizon - (0.1 + 0.34 * rise) * chance.uniform(0.5, 1.25) * (1.2 - layer * 0.28))
            _tower(draw, (x, top, x + wide * 0.92, height), colour, setting, chance)
            x += wide * chance.uniform(0.8, 1.15)


def _tower(
    draw: ImageDraw.ImageDraw, box: tuple[float, float, float, float], colour: RGB, setting: Setting, chance: Random
) -> None:
    left, top, right, low = box
    middle, wide = (left + right) / 2, right - left
    match chance.randint(0, 4):
        case 0:
            draw.polygon([(left, top), (middle, top - wide * 0.9), (right, top)], fill=colour)
        case 1:
            draw.line((middle, top, middle, top - wide * 1.2), fill=colour, width=max(1, round(wide * 0.06)))
        case 2:
            draw.ellipse((left, top - wide / 2, right, top + wide / 2), fill=colour)
        case 3:
            draw.rectangle((left + wide * 0.2, top - wide * 0.5, right - wide * 0.2, top), fill=colour)
        case _:
            draw.polygon([(left, top), (right, top - wide * 0.6), (right, top)], fill=colour)
    draw.rectangle((left, top, right, low), fill=colour)
    window = (255, 216, 128) if setting.hour in {"night", "sunset"} else tint(colour, 0.35)
    step = max(5.0, wide / (2 + setting.detail))
    for row in range(1, round(min(low - top, setting.size[1] * 0.6) / step)):
        for column in range(round(wide / step) - 1):
            if chance.random() < 0.42:
                x, y = left + (column + 0.75) * step, top + row * step
                draw.rectangle(
                    (x, y, x + step * 0.42, y + step * 0.5), fill=mix(colour, window, chance.uniform(0.35, 1))
                )


def _wall(image: Image.Image, setting: Setting, _shades: tuple[RGB, ...], chance: Random) -> None:
    width, height = setting.size
    image.paste(backdrop(setting.size, tint(chance.choice(setting.colours), 0.45), setting.light, chance))
    left, top = width * chance.uniform(0.08, 0.6), height * 0.08
    right, low = left + width * 0.28, height * (setting.horizon - 0.12)
    pane = wash((max(1, round(right - left)), max(1, round(low - top))), _SKIES[setting.hour][0])
    draw = ImageDraw.Draw(image)
    rim = min(width, height) * 0.018
    draw.rectangle((left - rim, top - rim, right + rim, low + rim), fill=(250, 246, 238))
    image.paste(pane, (round(left), round(top)))
    draw.rectangle(((left + right) / 2 - rim / 3, top, (left + right) / 2 + rim / 3, low), fill=(250, 246, 238))


_FAR: dict[str, Callable[[Image.Image, Setting, tuple[RGB, ...], Random], None]] = {
    "mountains": _mountains, "forest": _forest, "city": _city, "room": _wall,
}  # fmt: skip


def _ground_details(image: Image.Image, setting: Setting, ground: int, shades: tuple[RGB, ...], chance: Random) -> None:
    width, height = setting.size
    draw = ImageDraw.Draw(image)
    for _ in range(40 * setting.detail):
        depth = chance.random()
        x, y = chance.uniform(0, width), ground + height * 0.06 + (height - ground) * depth
        reach = width * (0.004 + 0.02 * depth)
        colour = mix(shades[1], shades[2], chance.random())
        match setting.place:
            case "sea":
                draw.line(
                    (x - reach * 3, y, x + reach * 3, y),
                    fill=tint(colour, 0.2 * chance.random()),
                    width=max(1, round(height * 0.003 * (0.4 + depth))),
                )
            case "meadow" | "forest" | "mountains":
                for blade in (-0.25, 0.0, 0.25):
                    draw.line(
                        (x, y, x + blade * reach * 1.5, y - reach * 0.9),
                        fill=colour,
                        width=max(1, round(width * 0.0016)),
                    )
            case "room":
                draw.line((x - reach * 8, y, x + reach * 8, y), fill=colour, width=max(1, height // 700))
            case _:
                draw.ellipse(
                    (x - reach, y - reach * 0.12, x + reach, y + reach * 0.12), fill=mix(colour, shades[0], 0.5)
                )
