"""From a prompt's words to a scene: subjects with their colours and counts, the place, the hour and the ground."""

import re
from collections.abc import Sequence
from itertools import pairwise

from msgspec import Struct

from imageway.providers.sketch.colours import NAMED, RGB

__all__ = ("Scene", "Subject", "border_colour", "scene_of", "words_of")

_MOST_FIGURES = 24
_WORD = re.compile(r"[a-z]+|[0-9]+")
_MISLEADING = re.compile(r"heart rate|coffee table|star rating|rating stars?|light ?house keeper|sea level|apple watch")
_COUNTS = {
    "a": 1, "an": 1, "one": 1, "single": 1, "two": 2, "pair": 2, "couple": 2, "three": 3, "four": 4, "five": 5,
    "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "dozen": 12, "several": 4,
    "few": 3, "many": 9,
}  # fmt: skip
_SUBJECTS = {
    "circle": "circle dot ball sphere orb disc disk", "square": "square cube box block", "triangle": "triangle pyramid",
    "star": "star", "heart": "heart", "hexagon": "hexagon", "diamond": "diamond gem jewel crystal", "ring": "ring hoop",
    "tree": "tree oak maple", "pine": "pine fir spruce", "flower": "flower rose tulip daisy sunflower blossom poppy",
    "mushroom": "mushroom toadstool", "cactus": "cactus cacti", "leaf": "leaf leaves", "apple": "apple fruit",
    "cloud": "cloud", "sun": "sun", "moon": "moon", "rainbow": "rainbow", "bird": "bird gull seagull crow eagle",
    "balloon": "balloon", "fox": "fox", "cat": "cat kitten", "dog": "dog puppy", "wolf": "wolf",
    "rabbit": "rabbit bunny hare",
    "bear": "bear", "fish": "fish goldfish shark", "butterfly": "butterfly", "whale": "whale", "owl": "owl",
    "robot": "robot android", "person": "person man woman child girl boy astronaut people",
    "house": "house cottage cabin home hut barn", "castle": "castle fortress", "lighthouse": "lighthouse",
    "car": "car automobile taxi truck van vehicle", "boat": "boat ship sailboat yacht",
    "rocket": "rocket spaceship spacecraft",
    "bicycle": "bicycle bike", "cup": "cup mug coffee tea teacup", "bottle": "bottle flask perfume",
    "watch": "watch smartwatch clock tracker", "headphones": "headphone headphones headset earphones",
    "chair": "chair stool armchair seat", "book": "book notebook novel", "lamp": "lamp lantern",
    "phone": "phone smartphone",
    "laptop": "laptop computer notebook", "camera": "camera", "shoe": "shoe sneaker boot trainer",
    "vase": "vase pot jar",
    "backpack": "backpack rucksack bag", "umbrella": "umbrella parasol", "guitar": "guitar",
}  # fmt: skip
_PLACES = {
    "snow": "snow snowy winter ice icy arctic frozen", "sea": "sea ocean water lake river waves",
    "beach": "beach shore coast island",
    "forest": "forest woods woodland jungle", "desert": "desert dune dunes sahara",
    "space": "space galaxy nebula planet cosmos cosmic",
    "underwater": "underwater reef aquarium",
    "city": "city skyline skyscraper skyscrapers downtown metropolis buildings street",
    "mountains": "mountain mountains peak peaks alps alpine hills volcano",
    "meadow": "meadow field garden grass park farm countryside valley",
    "studio": "studio product commercial packshot", "room": "room kitchen desk table shelf indoor bedroom office",
}  # fmt: skip
_HOURS = {
    "sunset": "sunset dusk sundown evening", "dawn": "dawn sunrise morning",
    "night": "night midnight starry nocturnal moonlight neon",
    "storm": "storm stormy rain rainy thunder fog foggy misty cloudy", "day": "day noon sunny daylight bright",
}  # fmt: skip
_GROUNDS = frozenset(("background", "backdrop", "backgrounds"))
_FILLER = frozenset(
    ("solid", "plain", "pure", "clean", "simple", "seamless", "matte", "bright", "light", "dark", "deep")
)
_ENDS = frozenset(("and", "with", "on", "in", "at", "under", "over", "against", "near", "beside", "by", "from", "of"))
_ALOFT = frozenset(("flying", "floating", "hovering", "airborne", "soaring"))


def _by_word(table: dict[str, str]) -> dict[str, str]:
    return {word: name for name, words in table.items() for word in words.split()}


_SUBJECT_OF, _PLACE_OF, _HOUR_OF = _by_word(_SUBJECTS), _by_word(_PLACES), _by_word(_HOURS)


class Subject(Struct, frozen=True, kw_only=True):
    """One kind of figure: how many of them, in which colour, and whether they fly."""

    kind: str
    count: int = 1
    colour: RGB | None = None
    aloft: bool = False


class Scene(Struct, frozen=True, kw_only=True):
    """What a prompt asks for, as far as its words are known.

    `ground` is a plain background's colour. `colours` are all that were named, in order; those of the ground aside.
    """

    words: tuple[str, ...]
    subjects: tuple[Subject, ...] = ()
    place: str | None = None
    hour: str | None = None
    ground: RGB | None = None
    colours: tuple[RGB, ...] = ()


def words_of(prompt: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(_MISLEADING.sub(" ", prompt.lower())))


def scene_of(prompt: str) -> Scene:
    """The scene in *prompt*.

    A colour or a count belongs to the next subject; a colour before "background" is the ground's; one that is left
    over goes to the first subject without a colour.
    """
    words = words_of(prompt)
    ground, rest = _ground(words)
    subjects, colours = _subjects(rest)
    return Scene(
        words=words,
        subjects=subjects,
        place=_first(rest, _PLACE_OF),
        hour=_first(rest, _HOUR_OF),
        ground=ground,
        colours=colours,
    )


def border_colour(words: Sequence[str]) -> RGB | None:
    """The colour that is named just before a border or a frame."""
    for index, word in enumerate(words):
        if word.removesuffix("s") in {"border", "frame"}:
            return next((NAMED[near] for near in reversed(words[max(0, index - 3) : index]) if near in NAMED), None)
    return None


def _ground(words: Sequence[str]) -> tuple[RGB | None, list[str]]:
    rest = list(words)
    for index, word in enumerate(words):
        if word not in _GROUNDS:
            continue
        for back in range(index - 1, max(-1, index - 4), -1):
            if words[back] in NAMED:
                return NAMED[words[back]], [*words[:back], *words[index + 1 :]]
            if words[back] not in _FILLER:
                break
    for first, second in pairwise(words):
        if first == "on" and second in NAMED and words[-1] == second:
            return NAMED[second], rest[:-1]
    return None, rest


def _subjects(words: Sequence[str]) -> tuple[tuple[Subject, ...], tuple[RGB, ...]]:
    found: dict[tuple[str, RGB | None], Subject] = {}
    colours: list[RGB] = []
    loose: list[RGB] = []
    colour, count, aloft = None, 0, False
    for word in words:
        kind = _kind(word)
        if word in NAMED:
            colour = NAMED[word]
            colours.append(colour)
            loose.append(colour)
        elif kind is not None:
            plural = word not in _SUBJECT_OF and word.endswith("s")
            subject = Subject(kind=kind, count=count or (3 if plural else 1), colour=colour, aloft=aloft)
            if colour is not None:
                loose.pop()
            if not any(known == kind and (colour in (None, other) or count == 0) for known, other in found):
                found[kind, colour] = subject
            colour, count, aloft = None, 0, False
        elif word in _COUNTS or word.isdigit():
            count = _count(word)
        elif word in _ALOFT:
            aloft = True
        elif word in _ENDS and word != "of":
            colour, count = None, 0
    subjects = list(found.values())
    for index, subject in enumerate(subjects):
        if subject.colour is None and loose:
            subjects[index] = Subject(kind=subject.kind, count=subject.count, colour=loose.pop(0), aloft=subject.aloft)
    return tuple(subjects[:5]), tuple(colours)


def _kind(word: str) -> str | None:
    for ending in ("", "s", "es", "ies"):
        if word.endswith(ending):
            stem = word.removesuffix(ending) + ("y" if ending == "ies" else "")
            if stem in _SUBJECT_OF:
                return _SUBJECT_OF[stem]
    return None


def _count(word: str) -> int:
    number = int(word[:6]) if word.isdigit() else _COUNTS[word]
    return number if 1 <= number <= _MOST_FIGURES else 0


def _first(words: Sequence[str], table: dict[str, str]) -> str | None:
    return next((table[word] for word in words if word in table), None)
