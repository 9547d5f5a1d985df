"""How long a call may take: as long as its caller waits, and never longer than the gateway lets it."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import TypeVar

from msgspec import Struct

from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.stream import CompletedImage, ImageEvent

T = TypeVar("T")

__all__ = ("UNHURRIED", "Deadline", "GivenUpError", "Patience")


class Patience(Struct, frozen=True, kw_only=True):
    """How long a caller waits: `silent_s` until an answer begins, `whole_s` until all of it is there."""

    silent_s: float | None = None
    whole_s: float | None = None

    @property
    def shortest_s(self) -> float | None:
        if self.silent_s is None or self.whole_s is None:
            return self.silent_s if self.whole_s is None else self.whole_s
        return min(self.silent_s, self.whole_s)


UNHURRIED = Patience()
"""That of a caller who doesn't tell it."""


class GivenUpError(ImageError):
    """An upstream call was cancelled after `waited_s`; `of_caller` says that somebody else would have waited longer."""

    def __init__(self, allowed_s: float, waited_s: float, *, of_caller: bool) -> None:
        self.waited_s = waited_s
        self.of_caller = of_caller
        whose = "its caller waits" if of_caller else "this gateway lets a call take"
        super().__init__(
            ErrorCode.UPSTREAM_TIMEOUT,
            f"The call was given up after {allowed_s:g} seconds, which is as long as {whose}.",
            may_have_billed=True,
        )


class Deadline:
    """The end of one call's time on the engine's clock: after *patience_s*, or *longest_s* where that is less."""

    def __init__(self, patience_s: float | None, longest_s: float, clock_s: Callable[[], float]) -> None:
        self._of_caller = patience_s is not None and patience_s < longest_s
        self._allowed_s = longest_s if patience_s is None else min(patience_s, longest_s)
        self._clock_s = clock_s
        self._until_s = clock_s() + self._allowed_s

    def left_s(self) -> float:
        return self._until_s - self._clock_s()

    async def bounding(self, calling: Awaitable[T]) -> T:
        """What comes of *calling* a target, which is given up when the time is over. Raises `GivenUpError`."""
        started_s = self._clock_s()
        scope = asyncio.timeout(self._until_s - started_s)
        try:
            async with scope:
                return await calling
        except TimeoutError:
            if not scope.expired():
                raise
            waited_s = self._clock_s() - started_s
            raise GivenUpError(self._allowed_s, waited_s, of_caller=self._of_caller) from None

    async def bounded(self, events: AsyncIterator[ImageEvent]) -> AsyncGenerator[ImageEvent, None]:
        """*events* until the time is over. A stream whose picture is there has ended by then; another raises."""
        completed = False
        while True:
            try:
                event = await self.bounding(anext(events, None))
            except GivenUpError:
                if completed:
                    return
                raise
            if event is None:
                return
            completed = completed or isinstance(event, CompletedImage)
            yield event
