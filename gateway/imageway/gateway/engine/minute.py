"""Calls and pictures of the last minute, counted exactly."""

from collections import deque
from collections.abc import Callable
from itertools import islice

__all__ = ("Minute",)

_MINUTE_S = 60.0


class Minute:
    """A window that moves with the clock. Only what had room is counted."""

    def __init__(self, clock_s: Callable[[], float]) -> None:
        self._clock_s = clock_s
        self._calls: deque[tuple[float, int]] = deque()
        self._images = 0

    def count(self, images: int) -> None:
        self._calls.append((self._clock_s(), images))
        self._images += images

    def wait_for_call_s(self, limit: int) -> float:
        """How long until another call keeps to *limit* calls; 0 where it does now."""
        self._forget()
        surplus = len(self._calls) + 1 - limit
        return 0.0 if surplus <= 0 else self._until_gone_s(surplus - 1)

    def wait_for_images_s(self, images: int, limit: int) -> float:
        """How long until *images* more, of which there are at most *limit*, keep to it; 0 where they do now."""
        self._forget()
        surplus = self._images + images - limit
        if surplus <= 0:
            return 0.0
        for position, (_, drawn) in enumerate(self._calls):
            surplus -= drawn
            if surplus <= 0:
                return self._until_gone_s(position)
        raise ValueError(f"{images} never keep to {limit} a minute")

    def _until_gone_s(self, position: int) -> float:
        counted_s, _ = next(islice(self._calls, position, None))
        return max(0.0, counted_s + _MINUTE_S - self._clock_s())

    def _forget(self) -> None:
        gone_s = self._clock_s() - _MINUTE_S
        while self._calls and self._calls[0][0] <= gone_s:
            self._images -= self._calls.popleft()[1]
