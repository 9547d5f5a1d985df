"""Calls and pictures of the last minute."""

from fakes.clock import FakeClock
from imageway.gateway.engine.minute import Minute


def test_calls_are_free_again_a_minute_after_the_oldest() -> None:
    clock = FakeClock()
    minute = Minute(clock)
    for now_s in (0, 10, 20):
        clock.now_s = now_s
        minute.count(1)

    waits = [minute.wait_for_call_s(limit) for limit in (4, 3, 2, 1)]

    assert waits == [0, 40, 50, 60]
    clock.now_s = 60
    assert minute.wait_for_call_s(3) == 0


def test_pictures_are_free_again_when_enough_of_them_are_a_minute_old() -> None:
    clock = FakeClock()
    minute = Minute(clock)
    for now_s, images in ((0, 4), (10, 1), (20, 3)):
        clock.now_s = now_s
        minute.count(images)

    waits = [minute.wait_for_images_s(images, 8) for images in (1, 4, 5, 6, 8)]

    assert waits == [40, 40, 50, 60, 60]
    assert minute.wait_for_images_s(2, 10) == 0
    clock.now_s = 60
    assert minute.wait_for_images_s(4, 8) == 0
    assert minute.wait_for_images_s(5, 8) == 10
