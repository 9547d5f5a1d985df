"""How many calls are in flight: more while all goes well, fewer when the gateway says that it is too much.

Additive increase, multiplicative decrease. The steps are by answers, not by seconds, because image calls are slow.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from types import TracebackType

__all__ = ("Pace", "PaceClosedError")

_CLEAN_ANSWERS = 10
_SHRINK = 0.75
_CALM_S = 2.0
"""Refusals of calls that were in flight together are one refusal."""
_LONGEST_PAUSE_S = 300.0


class PaceClosedError(Exception):
    """No call goes out any more."""


class Pace:
    """A pool of calls. It begins with *start* at a time and comes to *most*; both may be the same number.

    `clock` counts seconds, from anywhere; both it and `sleep` are for tests to replace.
    """

    def __init__(
        self,
        *,
        start: int,
        most: int,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Coroutine[None, None, None]] = asyncio.sleep,
    ) -> None:
        self._start = start
        self._most = most
        self._clock = clock
        self._sleep = sleep
        self._limit = float(min(start, most))
        self._clean = 0
        self._in_flight = 0
        self._waiting = 0
        self._resumes_s = self._slowed_s = float("-inf")
        self._freed = asyncio.Condition()
        self._closed = asyncio.Event()

    def another(self) -> "Pace":
        """One that begins as this one did."""
        return Pace(start=self._start, most=self._most, clock=self._clock, sleep=self._sleep)

    @property
    def limit(self) -> int:
        """How many calls may be in flight now."""
        return int(self._limit)

    async def close(self) -> None:
        """Let nobody in any more, whoever waits included; what is in flight goes on."""
        self._closed.set()
        async with self._freed:
            self._freed.notify_all()

    def turn(self) -> "_Turn":
        """The time of one call. Entering waits for room, and for the end of a pause. Raises `PaceClosedError`."""
        return _Turn(self)

    async def enter(self) -> None:
        """Begin a turn, which is to be left; see `turn`."""
        while True:
            if self._in_flight >= self.limit and not self._closed.is_set():
                await self._room()
            if self._closed.is_set():
                raise PaceClosedError
            pause_s = self._resumes_s - self._clock()
            if pause_s <= 0:
                break
            await self._paused(pause_s)
        self._in_flight += 1

    async def leave(self) -> None:
        self._in_flight -= 1
        if self._waiting:
            async with self._freed:
                self._freed.notify_all()

    async def _room(self) -> None:
        self._waiting += 1
        try:
            async with self._freed:
                await self._freed.wait_for(lambda: self._closed.is_set() or self._in_flight < self.limit)
        finally:
            self._waiting -= 1

    async def _paused(self, pause_s: float) -> None:
        waits = [asyncio.ensure_future(self._sleep(pause_s)), asyncio.ensure_future(self._closed.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def went_well(self) -> None:
        """A call was answered: after ten of them in a row one more may be in flight."""
        self._clean += 1
        if self._clean >= _CLEAN_ANSWERS and self._limit < self._most:
            self._clean = 0
            async with self._freed:
                self._limit = min(float(self._most), int(self._limit) + 1.0)
                self._freed.notify_all()

    def too_much(self, wait_s: float) -> None:
        """A call was refused: none goes out for *wait_s* (at most five minutes), and fewer at a time after that."""
        now_s = self._clock()
        self._clean = 0
        self._resumes_s = max(self._resumes_s, now_s + min(wait_s, _LONGEST_PAUSE_S))
        if now_s - self._slowed_s >= _CALM_S:
            self._slowed_s = now_s
            self._limit = max(1.0, self._limit * _SHRINK)


class _Turn:
    def __init__(self, pace: Pace) -> None:
        self._pace = pace

    async def __aenter__(self) -> None:
        await self._pace.enter()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._pace.leave()
