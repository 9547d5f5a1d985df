import pytest

from imageway.providers.sketch.colours import NAMED
from imageway.providers.sketch.prompt import Subject, border_colour, scene_of

RED, BLUE, WHITE = NAMED["red"], NAMED["blue"], NAMED["white"]


@pytest.mark.parametrize(
    ("prompt", "subjects"),
    [
        ("three red circles", (Subject(kind="circle", count=3, colour=RED),)),
        ("5 stars", (Subject(kind="star", count=5),)),
        ("trees", (Subject(kind="tree", count=3),)),
        ("a red circle and two blue squares", (
            Subject(kind="circle", colour=RED), Subject(kind="square", count=2, colour=BLUE),
        )),
        ("flying cars", (Subject(kind="car", count=3, aloft=True),)),
        ("a bottle, matte blue finish", (Subject(kind="bottle", colour=BLUE),)),
        ("Smart Watch with heart rate monitor", (Subject(kind="watch"),)),
        ("24 circles", (Subject(kind="circle", count=24),)),
        ("25 circles", (Subject(kind="circle", count=3),)),
        ("the sound of silence", ()),
    ],
)  # fmt: skip
def test_subjects_are_read_with_their_colours_and_counts(prompt: str, subjects: tuple[Subject, ...]) -> None:
    assert scene_of(prompt).subjects == subjects


def test_a_colour_before_background_is_the_grounds_and_no_subjects() -> None:
    scene = scene_of("a cup on a plain white background")

    assert (scene.ground, scene.subjects) == (WHITE, (Subject(kind="cup"),))


def test_place_and_hour_are_read() -> None:
    scene = scene_of("a futuristic city skyline at sunset")

    assert (scene.place, scene.hour) == ("city", "sunset")


def test_a_borders_colour_is_the_one_before_the_word() -> None:
    assert border_colour(scene_of("black and white with a red border").words) == RED
    assert border_colour(scene_of("a red fox with a border").words) is None
    assert border_colour(scene_of("a red fox").words) is None
