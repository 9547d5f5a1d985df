"""From a scene to a picture: where it plays, what stands where, and how much of it is drawn."""

import math
from random import Random

from PIL import Image, ImageDraw, ImageFilter

from imageway.providers.sketch.canvas import Point, cast_shadow, chance_of, grain
from imageway.providers.sketch.colours import NAMED, RGB, palette, saturated, tint
from imageway.providers.sketch.figures import OUTDOORS, SHAPES, SKYWARD, figure
from imageway.providers.sketch.grounds import Setting, backdrop, outdoors, weather
from imageway.providers.sketch.patterns import pattern
from imageway.providers.sketch.prompt import Scene, Subject

__all__ = ("draw_scene", "scatter")


def draw_scene(
    scene: Scene, size: tuple[int, int], seed: str, *, detail: int, vividness: float = 1.0, transparent: bool = False
) -> Image.Image:
    """The picture of *scene*: RGBA where *transparent*, else RGB.

    *detail* runs from 1 to 5; *vividness* is the factor on the saturation of colours that the prompt leaves open.
    """
    chance = chance_of("scene", seed)
    colours = tuple(saturated(colour, vividness) for colour in palette(chance, scene.colours))
    angle = chance.uniform(math.pi * 0.08, math.pi * 0.92)
    light = (math.cos(angle), -math.sin(angle) * 0.8 - 0.1)
    if transparent:
        return _cutout(scene, size, colours, light, detail, seed, chance)
    place = _place(scene, chance)
    if place is None and not scene.subjects and scene.ground is None and scene.hour is None:
        image = pattern(size, colours, detail, chance)
    elif place is None or place == "studio":
        image = _plain(scene, size, colours, light, detail, seed, chance, studio=place == "studio")
    else:
        setting = Setting(
            size=size, place=place, hour=scene.hour or ("night" if place == "space" else "day"),
            horizon=chance.uniform(0.5, 0.78), light=light, colours=colours, detail=detail,
        )  # fmt: skip
        image = _landscape(scene, setting, seed, chance)
    if vividness != 1.0:
        image = image.convert("HSV")
        hue, saturation, value = image.split()
        saturation = saturation.point([min(255, round(level * vividness)) for level in range(256)])
        image = Image.merge("HSV", (hue, saturation, value)).convert("RGB")
    return grain(image, 0.015 + 0.004 * detail, chance)


def scatter(count: int, size: tuple[int, int], chance: Random) -> tuple[list[Point], float]:
    """*count* centres in pixels and the radius at which none touches another or the picture's edge."""
    width, height = size
    radius = min(0.34 * min(size), 0.7 * math.sqrt(width * height / math.pi / count))
    radius *= chance.uniform(0.8, 1.0)
    while True:
        places: list[Point] = []
        for _ in range(60 * count):
            x, y = (
                chance.uniform(radius * 1.1, width - radius * 1.1),
                chance.uniform(radius * 1.1, height - radius * 1.1),
            )
            if all(math.hypot(x - px, y - py) > 2.12 * radius for px, py in places):
                places.append((x, y))
                if len(places) == count:
                    return places, radius
        radius *= 0.93


def _place(scene: Scene, chance: Random) -> str | None:
    if scene.ground is not None and scene.place != "studio":
        return None
    if scene.place is not None:
        return scene.place
    if scene.hour is not None:
        return chance.choice(("meadow", "mountains", "sea"))
    kinds = {subject.kind for subject in scene.subjects}
    if kinds & {"fish", "whale"}:
        return "underwater"
    if "boat" in kinds:
        return "sea"
    if "cactus" in kinds:
        return "desert"
    return "meadow" if kinds and kinds & OUTDOORS else None


def _figures(scene: Scene) -> list[Subject]:
    return [subject for subject in scene.subjects for _ in range(subject.count)][:24]


def _plain(
    scene: Scene, size: tuple[int, int], colours: tuple[RGB, ...], light: Point, detail: int, seed: str, chance: Random,
    *, studio: bool,
) -> Image.Image:  # fmt: skip
    ground = scene.ground or (
        NAMED["white"] if studio and "white" in scene.words else tint(chance.choice(colours[-3:]), 0.72)
    )
    image = backdrop(size, ground, light, chance)
    subjects = _figures(scene)
    if not subjects:
        if scene.ground is None or scene.place is not None:
            subjects = [Subject(kind=chance.choice(("vase", "bottle", "diamond")))]
        else:
            return image
    flat = all(subject.kind in SHAPES for subject in subjects)
    places, radius = scatter(len(subjects), size, chance)
    if len(subjects) == 1:
        radius = min(size) * chance.uniform(0.3, 0.43)
        places = [(size[0] * chance.uniform(0.42, 0.58), size[1] * chance.uniform(0.46, 0.56))]
    for index, (subject, (x, y)) in enumerate(zip(subjects, places, strict=True)):
        edge = max(8, round(radius * 2 * chance.uniform(0.82, 1.0)))
        drawn = figure(subject, edge, colours, light, detail, (seed, index))
        corner = (round(x - edge / 2), round(y - edge / 2))
        if flat:
            _drop_shadow(image, drawn, corner, light, edge)
        else:
            cast_shadow(image, drawn, corner, light, 0.36)
        image.paste(drawn, corner, drawn)
    return image


def _drop_shadow(image: Image.Image, drawn: Image.Image, corner: tuple[int, int], light: Point, edge: int) -> None:
    quarter = drawn.getchannel("A").reduce(4)
    pad = max(2, edge // 16)
    sheet = Image.new("L", (quarter.width + 2 * pad, quarter.height + 2 * pad))
    sheet.paste(quarter.point([value // 4 for value in range(256)]), (pad, pad))
    sheet = sheet.filter(ImageFilter.GaussianBlur(edge / 90)).resize(
        (sheet.width * 4, sheet.height * 4), Image.Resampling.BICUBIC
    )
    place = (corner[0] - pad * 4 - round(light[0] * edge * 0.05), corner[1] - pad * 4 + round(edge * 0.05))
    image.paste((20, 20, 40), place, sheet)


def _landscape(scene: Scene, setting: Setting, seed: str, chance: Random) -> Image.Image:
    image = outdoors(setting, chance)
    width, height = setting.size
    everywhere = setting.place in {"space", "underwater"}
    subjects = list(enumerate(_figures(scene)))
    aloft = [pair for pair in subjects if pair[1].aloft or pair[1].kind in SKYWARD or everywhere]
    grounded = [pair for pair in subjects if pair not in aloft]
    if aloft:
        region = (width, round(height * (0.92 if everywhere else max(0.3, setting.horizon * 0.8))))
        places, radius = scatter(len(aloft), region, chance)
        radius = min(radius, min(setting.size) * (0.3 if everywhere else 0.17))
        for (index, subject), (x, y) in zip(aloft, places, strict=True):
            edge = max(8, round(radius * 2 * chance.uniform(0.75, 1.0)))
            drawn = figure(subject, edge, setting.colours, setting.light, setting.detail, (seed, index))
            image.paste(drawn, (round(x - edge / 2), round(y - edge / 2)), drawn)
    _stand(image, grounded, setting, seed, chance)
    return weather(image, setting, chance)


def _stand(
    image: Image.Image, subjects: list[tuple[int, Subject]], setting: Setting, seed: str, chance: Random
) -> None:
    if not subjects:
        return
    width, height = setting.size
    columns = min(len(subjects), 6 if width > height else 5)
    slot = width / columns
    order = list(subjects)
    if len({subject.kind for _, subject in subjects}) > 1:
        chance.shuffle(order)
    rows = math.ceil(len(order) / columns)
    shift = chance.uniform(-0.16, 0.16) * width if len(order) == 1 else 0.0
    for place, (index, subject) in enumerate(order):
        row, column = divmod(place, columns)
        depth = (row + 1) / rows
        edge = round(
            min(min(width, height) * (0.56 if columns > 1 else 0.68), slot * 0.98)
            * (0.72 + 0.28 * depth)
            * chance.uniform(0.84, 1.0)
        )
        foot = height * (setting.horizon + (0.97 - setting.horizon) * (0.35 + 0.6 * depth) * chance.uniform(0.84, 1.0))
        offset = slot * 0.25 * (-1) ** row if rows > 1 else 0.0
        x = (column + 0.5) * slot + shift + offset * 0.5 + chance.uniform(-0.1, 0.1) * max(0.0, slot - edge)
        drawn = figure(subject, max(8, edge), setting.colours, setting.light, setting.detail, (seed, index))
        corner = (round(x - edge / 2), round(foot - edge * 0.97))
        cast_shadow(image, drawn, corner, setting.light, 0.4)
        image.paste(drawn, corner, drawn)


def _cutout(
    scene: Scene, size: tuple[int, int], colours: tuple[RGB, ...], light: Point, detail: int, seed: str, chance: Random
) -> Image.Image:
    """The subjects alone on a transparent ground; without any, the picture cut to a disc."""
    image = Image.new("RGBA", size)
    subjects = _figures(scene)
    if not subjects:
        edge = round(min(size) * 0.9)
        disc = Image.new("L", (edge, edge))
        ImageDraw.Draw(disc).ellipse((3, 3, edge - 4, edge - 4), fill=255)
        inner = draw_scene(scene, (edge, edge), seed, detail=detail)
        image.paste(inner, ((size[0] - edge) // 2, (size[1] - edge) // 2), disc.filter(ImageFilter.GaussianBlur(1)))
        return image
    places, radius = scatter(len(subjects), size, chance)
    if len(subjects) == 1:
        places, radius = [(size[0] / 2, size[1] / 2)], min(size) * chance.uniform(0.34, 0.44)
    for index, (subject, (x, y)) in enumerate(zip(subjects, places, strict=True)):
        edge = max(8, round(radius * 2))
        drawn = figure(subject, edge, colours, light, detail, (seed, index))
        image.alpha_composite(drawn, (max(0, round(x - edge / 2)), max(0, round(y - edge / 2))))
    return image
