"""Every subject that can be drawn, its usual colours, and how one becomes a lit figure on a transparent layer."""

from collections.abc import Callable, Sequence
from random import Random

from PIL import Image

from imageway.providers.sketch import nature, shapes, things
from imageway.providers.sketch.canvas import Pen, Point, chance_of, lit
from imageway.providers.sketch.colours import NAMED, RGB, Ink, ink_of
from imageway.providers.sketch.prompt import Subject

__all__ = ("OUTDOORS", "SHAPES", "SKYWARD", "figure")

SHAPES = frozenset(("circle", "square", "triangle", "star", "heart", "hexagon", "diamond", "ring"))
SKYWARD = frozenset(("cloud", "sun", "moon", "rainbow", "bird", "balloon", "butterfly", "rocket"))
OUTDOORS = frozenset((
    "tree", "pine", "flower", "mushroom", "cactus", "fox", "cat", "dog", "wolf", "rabbit", "bear", "owl", "house",
    "castle", "lighthouse", "car", "boat", "bicycle", "person", "whale", "fish", "robot", *SKYWARD,
))  # fmt: skip

_DRAW: dict[str, Callable[[Pen, Ink, Random, int], None]] = {
    "circle": shapes.circle, "square": shapes.square, "triangle": shapes.triangle, "star": shapes.star,
    "heart": shapes.heart, "hexagon": shapes.hexagon, "diamond": shapes.diamond, "ring": shapes.ring,
    "cloud": shapes.cloud, "sun": shapes.sun, "moon": shapes.moon, "rainbow": shapes.rainbow, "bird": shapes.bird,
    "balloon": shapes.balloon, "tree": nature.tree, "pine": nature.pine, "flower": nature.flower,
    "mushroom": nature.mushroom, "cactus": nature.cactus, "leaf": nature.leaf, "apple": nature.apple,
    "fox": nature.sitting("pointed", "bushy", patched=True), "wolf": nature.sitting("pointed", "bushy", patched=True),
    "cat": nature.sitting("pointed", "thin", patched=False), "dog": nature.sitting("floppy", "thin", patched=False),
    "rabbit": nature.sitting("long", "short", patched=False), "bear": nature.sitting("round", "short", patched=False),
    "fish": nature.fish, "whale": nature.whale, "butterfly": nature.butterfly, "owl": nature.owl,
    "person": nature.person, "robot": things.robot, "house": things.house, "castle": things.castle,
    "lighthouse": things.lighthouse, "car": things.car, "bicycle": things.bicycle, "boat": things.boat,
    "rocket": things.rocket, "cup": things.cup, "bottle": things.bottle, "vase": things.vase, "watch": things.watch,
    "headphones": things.headphones, "chair": things.chair, "book": things.book, "lamp": things.lamp,
    "phone": things.phone, "laptop": things.laptop, "camera": things.camera, "shoe": things.shoe,
    "backpack": things.backpack, "umbrella": things.umbrella, "guitar": things.guitar,
}  # fmt: skip
_USUAL = {
    "tree": "green", "pine": "emerald", "cactus": "green", "leaf": "green", "mushroom": "red", "apple": "red",
    "heart": "red", "fox": "orange", "wolf": "grey", "cat": "grey", "dog": "tan", "rabbit": "beige", "bear": "brown",
    "owl": "brown", "whale": "blue", "fish": "orange", "bird": "white", "cloud": "white", "sun": "golden",
    "moon": "cream", "castle": "grey", "lighthouse": "red", "headphones": "charcoal", "watch": "charcoal",
    "camera": "charcoal", "phone": "charcoal", "laptop": "silver", "guitar": "bronze", "star": "golden",
    "rocket": "white", "robot": "silver", "book": "burgundy",
}  # fmt: skip
_MOST_PX = 2400


def figure(
    subject: Subject, edge_px: int, colours: Sequence[RGB], light: Point, detail: int, seed: object
) -> Image.Image:
    """One *subject* on a transparent square of *edge_px*, drawn larger and reduced, which smooths its edges."""
    chance = chance_of("figure", subject.kind, seed)
    usual = _USUAL.get(subject.kind)
    main = subject.colour or (NAMED[usual] if usual else chance.choice(list(colours[:4])))
    factor = max(1, min(2 if detail < 3 else 3, _MOST_PX // edge_px))
    layer = Image.new("RGBA", (edge_px * factor, edge_px * factor))
    _DRAW[subject.kind](Pen(layer), ink_of(main, colours, chance), chance, detail)
    if factor > 1:
        layer = layer.reduce(factor)
    return layer if subject.kind in {"rainbow", "sun"} else lit(layer, light, strength=0.5 + 0.1 * detail)
