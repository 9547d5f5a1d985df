"""Edits and variations: the inputs stay visible, and what the prompt asks for is done to them."""

from collections.abc import Sequence
from random import Random

from PIL import Image, ImageChops, ImageFilter

from imageway.providers.sketch.canvas import cast_shadow, chance_of
from imageway.providers.sketch.collage import collage
from imageway.providers.sketch.colours import NAMED, RGB, palette
from imageway.providers.sketch.compose import draw_scene
from imageway.providers.sketch.encode import flattened
from imageway.providers.sketch.figures import figure
from imageway.providers.sketch.grounds import backdrop
from imageway.providers.sketch.inputs import covering, fit, fitted, placed
from imageway.providers.sketch.patterns import pattern
from imageway.providers.sketch.prompt import Scene, Subject
from imageway.providers.sketch.retouch import relit, retouched
from imageway.providers.sketch.subject_mask import subject_mask

__all__ = ("draw_edit", "draw_variation")

_REMOVALS = frozenset((
    "remove", "removed", "replace", "erase", "delete", "cut", "change", "swap", "isolate", "isolated", "transparent",
    "new", "different", "put", "place", "without", "make", "clear",
))  # fmt: skip
_ADDITIONS = frozenset(("add", "put", "place", "include", "insert", "with", "wearing", "beside"))
_LEAST_ALPHA = 250


def draw_edit(
    pictures: Sequence[Image.Image], mask: Image.Image | None, scene: Scene, size: tuple[int, int], seed: str,
    *, detail: int, transparent: bool, first: bool,
) -> Image.Image:  # fmt: skip
    """*pictures* (RGBA, one at least) as *scene* asks: RGBA where *transparent*, else RGB.

    *mask* is RGBA and as large as the first picture; only what is transparent in it changes. All but the *first* of
    several answers get a light of their own, so that they can be told apart.
    """
    chance = chance_of("edit", seed)
    colours = palette(chance, scene.colours)
    if mask is not None:
        base = covering(pictures[0], size)
        area = _area(mask, size)
        changed = _masked(base, area, scene, seed, detail)
        if transparent:
            changed.putalpha(ImageChops.lighter(base.getchannel("A"), area))
        return changed
    if len(pictures) > 1:
        page = collage(pictures, size, scene, colours, chance, transparent=transparent)
        return page if first else _relit_cutout(page, colours, chance)
    if transparent or _new_background(scene):
        subject = placed(_cut_out(fitted(pictures[0], size)), size)
        subject = subject if first else _moved(_relit_cutout(subject, colours, chance), chance)
        return subject if transparent else _on_ground(subject, scene, seed, colours, detail)
    if _has_holes(pictures[0]):
        base = placed(pictures[0], size)
        changed = _masked(base, ImageChops.invert(base.getchannel("A")), scene, seed, detail)
        return changed if first else relit(changed, colours, chance)
    base = covering(pictures[0], size)
    return _changed(base.convert("RGB"), scene, seed, colours, chance, detail, first=first)


def draw_variation(picture: Image.Image, size: tuple[int, int], seed: str, *, detail: int) -> Image.Image:
    """*picture* (RGBA) again, RGB: a little nearer, mirrored or not, in shifted colours and another light."""
    chance = chance_of("variation", seed)
    base = covering(picture, size)
    sheet = flattened(base)
    cut = chance.uniform(0.02, 0.08)
    box = (size[0] * cut * chance.random(), size[1] * cut * chance.random())
    sheet = sheet.resize(size, Image.Resampling.BICUBIC, box=(*box, size[0] * (1 - cut), size[1] * (1 - cut)))
    if chance.random() < 0.5:
        sheet = sheet.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    hue, saturation, value = sheet.convert("HSV").split()
    turn = chance.choice((-1, 1)) * chance.randint(10, 34)
    hue = hue.point([(level + turn) % 256 for level in range(256)])
    sheet = Image.merge("HSV", (hue, saturation, value)).convert("RGB")
    if detail > 1:
        sheet = sheet.filter(ImageFilter.SMOOTH_MORE)
    return relit(sheet, palette(chance), chance, 0.3)


def _relit_cutout(picture: Image.Image, colours: tuple[RGB, ...], chance: Random) -> Image.Image:
    changed = relit(picture.convert("RGB"), colours, chance, 0.2)
    changed.putalpha(picture.getchannel("A"))
    return changed


def _has_holes(picture: Image.Image) -> bool:
    return (
        picture.getchannel("A").point([255 if value < _LEAST_ALPHA else 0 for value in range(256)]).getbbox()
        is not None
    )


def _cut_out(picture: Image.Image) -> Image.Image:
    """*picture* with its background transparent, unless it has transparent parts already."""
    if _has_holes(picture):
        return picture
    subject = picture.copy()
    subject.putalpha(subject_mask(picture.convert("RGB")))
    return subject


def _moved(picture: Image.Image, chance: Random) -> Image.Image:
    """*picture* (RGBA) a little smaller and elsewhere."""
    scale = chance.uniform(0.76, 0.9)
    inner = picture.resize((max(1, round(picture.width * scale)), max(1, round(picture.height * scale))))
    canvas = Image.new("RGBA", picture.size)
    free = (picture.width - inner.width, picture.height - inner.height)
    canvas.paste(inner, (round(free[0] * chance.random()), round(free[1] * chance.random())))
    return canvas


def _new_background(scene: Scene) -> bool:
    words = set(scene.words)
    named = bool(words & {"background", "backdrop"})
    return scene.ground is not None or (named and bool(words & _REMOVALS))


def _area(mask: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Where the mask lets things change, laid over the canvas as its picture is."""
    extent, corner = fit(mask, size)
    clear = ImageChops.invert(mask.getchannel("A"))
    area = Image.new("L", size)
    area.paste(clear if extent == clear.size else clear.resize(extent, Image.Resampling.BOX), corner)
    return area


def _masked(base: Image.Image, area: Image.Image, scene: Scene, seed: str, detail: int) -> Image.Image:
    """*base* with the scene drawn into *area*; outside it no pixel changes."""
    canvas = flattened(base)
    box = area.getbbox()
    if box is None:
        return canvas
    width, height = box[2] - box[0], box[3] - box[1]
    extent = (max(64, width), max(64, height))
    drawn = draw_scene(scene, extent, f"{seed}:inside", detail=detail).resize((width, height), Image.Resampling.LANCZOS)
    inner = area.crop(box)
    feathered = ImageChops.darker(inner, inner.filter(ImageFilter.GaussianBlur(1.2)))
    canvas.paste(drawn, box[:2], feathered)
    return canvas


def _on_ground(subject: Image.Image, scene: Scene, seed: str, colours: tuple[RGB, ...], detail: int) -> Image.Image:
    chance = chance_of("ground", seed)
    size = subject.size
    if scene.ground is None and (scene.place not in {None, "studio"} or scene.hour is not None):
        place = Scene(words=scene.words, place=scene.place, hour=scene.hour, colours=scene.colours)
        ground = draw_scene(place, size, seed, detail=detail)
    elif "gradient" in scene.words or "blurred" in scene.words:
        ground = backdrop(size, scene.ground or colours[0], (0.4, -0.8), chance)
    else:
        ground = Image.new("RGB", size, (255, 255, 255) if scene.ground in {None, NAMED["white"]} else scene.ground)
    ground.paste(subject.convert("RGB"), (0, 0), subject.getchannel("A"))
    return ground


def _changed(
    image: Image.Image, scene: Scene, seed: str, colours: tuple[RGB, ...], chance: Random, detail: int, *, first: bool
) -> Image.Image:  # fmt: skip
    changed = retouched(image, scene, chance)
    adding = bool(scene.subjects and _ADDITIONS & set(scene.words))
    if changed is None:
        changed = relit(image, colours, chance)
        adding = True
    elif not first:
        changed = relit(changed, colours, chance, 0.2)
    if adding:
        _decorate(changed, scene, seed, colours, chance, detail)
    return changed


def _decorate(
    image: Image.Image, scene: Scene, seed: str, colours: tuple[RGB, ...], chance: Random, detail: int
) -> None:
    """Up to six of the prompt's figures along the lower edge, or a seal in its colours; in place."""
    figures = [subject for subject in scene.subjects for _ in range(subject.count)][:6]
    edge = round(min(image.size) * (0.26 if len(figures) < 3 else 0.18))
    if edge < 8:
        return
    right = chance.random() < 0.5
    for index, subject in enumerate(figures):
        drawn = figure(subject, edge, colours, (0.4, -0.8), detail, (seed, index))
        left = round(edge * (0.12 + 1.02 * index))
        corner = (image.width - left - edge if right else left, image.height - round(edge * 1.08))
        cast_shadow(image, drawn, corner, (0.4, -0.8), 0.4)
        image.paste(drawn, corner, drawn)
    if not figures:
        seal = figure(Subject(kind="circle"), edge, colours, (0.4, -0.8), detail, seed)
        inner = pattern((edge, edge), colours, min(detail, 2), chance)
        corner = (image.width - round(edge * 1.1) if right else round(edge * 0.1), image.height - round(edge * 1.1))
        image.paste(inner, corner, seal.getchannel("A"))
