"""Changes to a picture that a prompt's words name: tones, frames, hours, weather, painterly looks, relighting."""

import math
from collections.abc import Callable
from random import Random

from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from imageway.providers.sketch.canvas import glow, wash
from imageway.providers.sketch.colours import NAMED, RGB
from imageway.providers.sketch.prompt import Scene, border_colour

__all__ = ("relit", "retouched")


def retouched(image: Image.Image, scene: Scene, chance: Random) -> Image.Image | None:
    """*image* (RGB) with every change that the words of *scene* ask for; None where they name none."""
    words = set(scene.words)
    changed: Image.Image | None = None
    for names, change in _CHANGES:
        if words & names:
            changed = change(changed or image, scene, chance)
    if scene.colours and words & {
        "tint",
        "tinted",
        "tone",
        "toned",
        "turn",
        "colour",
        "color",
        "recolour",
        "recolor",
        "make",
        "change",
    }:
        changed = _tinted(changed or image, scene.colours[0])
    if words & {"border", "borders", "frame", "framed"}:
        changed = _framed(changed or image, scene)
    return changed


def relit(image: Image.Image, colours: tuple[RGB, ...], chance: Random, strength: float = 0.22) -> Image.Image:
    """*image* (RGB) under a soft coloured light from one side."""
    angle = chance.uniform(0, math.tau)
    light = wash(image.size, (colours[0], (128, 128, 128), colours[1]), angle)
    return Image.blend(image, ImageChops.overlay(image, light), min(1.0, strength * 2))


def _tinted(image: Image.Image, colour: RGB) -> Image.Image:
    dark: RGB = (colour[0] // 5, colour[1] // 5, colour[2] // 5)
    return Image.blend(image, ImageOps.colorize(image.convert("L"), dark, (255, 255, 255), colour), 0.7)


def _sepia(image: Image.Image, _scene: Scene, _chance: Random) -> Image.Image:
    return ImageOps.colorize(image.convert("L"), (44, 26, 14), (255, 240, 208), (166, 122, 78))


def _grey(image: Image.Image, scene: Scene, _chance: Random) -> Image.Image:
    if not {"white", "monochrome", "grayscale", "greyscale", "bw", "noir"} & set(scene.words):
        return image
    return ImageOps.autocontrast(image.convert("L"), cutoff=1).convert("RGB")


def _negative(image: Image.Image, _scene: Scene, _chance: Random) -> Image.Image:
    return ImageOps.invert(image)


def _blurred(image: Image.Image, _scene: Scene, _chance: Random) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(min(image.size) / 80))


def _bright(image: Image.Image, _scene: Scene, _chance: Random) -> Image.Image:
    return ImageEnhance.Brightness(image).enhance(1.35)


def _dim(image: Image.Image, _scene: Scene, _chance: Random) -> Image.Image:
    return ImageEnhance.Brightness(image).enhance(0.6)


def _painted(image: Image.Image, _scene: Scene, _chance: Random) -> Image.Image:
    small = image.reduce(2) if min(image.size) > 256 else image
    flat = ImageOps.posterize(small.filter(ImageFilter.ModeFilter(5)), 4).resize(image.size, Image.Resampling.BICUBIC)
    edges = ImageOps.invert(small.convert("L").filter(ImageFilter.FIND_EDGES)).point(
        [max(90, value) for value in range(256)]
    )
    return ImageChops.multiply(flat, edges.resize(image.size, Image.Resampling.BICUBIC).convert("RGB"))


def _sunset(image: Image.Image, _scene: Scene, chance: Random) -> Image.Image:
    warm = wash(image.size, ((90, 50, 140), (250, 120, 70), (255, 196, 110)), math.pi / 2)
    image = Image.blend(image, ImageChops.overlay(image, warm), 0.8)
    spot = (image.width * chance.choice((0.15, 0.85)), image.height * chance.uniform(0.1, 0.3))
    glow(image, spot, min(image.size) * 0.6, (255, 222, 150), 0.7)
    return image


def _night(image: Image.Image, _scene: Scene, chance: Random) -> Image.Image:
    image = ImageChops.multiply(image, wash(image.size, ((40, 52, 110), (84, 96, 160)), math.pi / 2))
    spot = (image.width * chance.choice((0.12, 0.88)), image.height * 0.12)
    glow(image, spot, min(image.size) * 0.3, (226, 232, 255), 0.75)
    _speckle(image, (240, 240, 255), chance, 120, 0.0018, 0.45)
    return image


def _snow(image: Image.Image, _scene: Scene, chance: Random) -> Image.Image:
    image = Image.blend(image, Image.new("RGB", image.size, (214, 228, 248)), 0.2)
    _speckle(image, (255, 255, 255), chance, 260, 0.006, 1.0)
    return image


def _speckle(image: Image.Image, colour: RGB, chance: Random, count: int, reach: float, depth: float) -> None:
    draw = ImageDraw.Draw(image)
    for _ in range(count):
        x, y = chance.uniform(0, image.width), chance.uniform(0, image.height * depth)
        radius = min(image.size) * reach * chance.uniform(0.3, 1)
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)


def _framed(image: Image.Image, scene: Scene) -> Image.Image:
    """The whole picture, smaller, within a frame."""
    colour = border_colour(scene.words) or NAMED["white"]
    rim = max(2, round(min(image.size) * 0.06))
    canvas = Image.new("RGB", image.size, colour)
    factor = min((image.width - 2 * rim) / image.width, (image.height - 2 * rim) / image.height)
    inner = image.resize((round(image.width * factor), round(image.height * factor)), Image.Resampling.LANCZOS)
    canvas.paste(inner, ((image.width - inner.width) // 2, (image.height - inner.height) // 2))
    return canvas


_CHANGES: tuple[tuple[frozenset[str], Callable[[Image.Image, Scene, Random], Image.Image]], ...] = (
    (frozenset(("sepia", "vintage", "antique", "old", "retro")), _sepia),
    (frozenset(("black", "monochrome", "grayscale", "greyscale", "bw", "noir")), _grey),
    (frozenset(("invert", "inverted", "negative")), _negative),
    (frozenset(("painting", "painted", "watercolor", "watercolour", "cartoon", "comic", "sketch", "anime")), _painted),
    (frozenset(("blur", "blurred", "blurry", "soft", "dreamy")), _blurred),
    (frozenset(("brighter", "brighten", "lighter", "bright")), _bright),
    (frozenset(("darker", "darken", "dark", "moody")), _dim),
    (frozenset(("sunset", "dusk", "golden", "warm", "warmer", "dawn", "sunrise")), _sunset),
    (frozenset(("night", "midnight", "starry", "moonlight")), _night),
    (frozenset(("snow", "snowy", "winter", "frozen")), _snow),
)  # fmt: skip
