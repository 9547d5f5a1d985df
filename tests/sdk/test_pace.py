"""The pace of a run's calls, by a clock that stands still unless it is told."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any

import pytest

from imageway.sdk.pipeline.sending.pace import Pace, PaceClosedError


class Clock:
    """Sleeping moves it on; `slept` are the times in seconds."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds


def _with(use: Callable[[Pace, Clock], Coroutine[Any, Any, object]], *, start: int = 4, most: int = 8) -> Clock:
    clock = Clock()

    async def run() -> None:
        await use(Pace(start=start, most=most, clock=clock, sleep=clock.sleep), clock)

    asyncio.run(run())
    return clock


async def _entered(pace: Pace, stack: AsyncExitStack) -> bool:
    """Whether another call finds room at once."""
    waiting = asyncio.ensure_future(stack.enter_async_context(pace.turn()))
    for _ in range(5):
        await asyncio.sleep(0)
    if not waiting.done():
        waiting.cancel()
        await asyncio.wait((waiting,))
        return False
    waiting.result()
    return True


def test_no_more_calls_are_out_than_the_pace_allows() -> None:
    async def use(pace: Pace, _: Clock) -> None:
        async with AsyncExitStack() as stack:
            assert [await _entered(pace, stack) for _ in range(5)] == [True, True, True, True, False]
        async with AsyncExitStack() as stack:
            assert await _entered(pace, stack)

    _with(use)


def test_ten_clean_answers_make_room_for_one_more_up_to_the_most() -> None:
    async def use(pace: Pace, _: Clock) -> None:
        limits = []
        for _ in range(60):
            await pace.went_well()
            limits.append(pace.limit)
        assert (limits[8], limits[9], limits[18], limits[19], limits[39], limits[-1]) == (4, 5, 5, 6, 8, 8)

    _with(use)


def test_a_refusal_pauses_the_whole_pool_and_shrinks_it() -> None:
    async def use(pace: Pace, clock: Clock) -> None:
        pace.too_much(7.5)
        assert (pace.limit, clock.slept) == (3, [])
        async with AsyncExitStack() as stack:
            assert await _entered(pace, stack)

    assert _with(use).slept == [7.5]


def test_refusals_of_calls_that_were_out_together_shrink_it_once() -> None:
    async def use(pace: Pace, clock: Clock) -> None:
        for _ in range(4):
            pace.too_much(1.0)
        together = pace.limit
        clock.now_s += 2.0
        pace.too_much(1.0)
        for _ in range(20):
            clock.now_s += 2.0
            pace.too_much(1.0)
        assert (together, pace.limit) == (6, 1)

    _with(use, start=8)


@pytest.mark.parametrize(("told_s", "paused_s"), [(300.0, 300.0), (301.0, 300.0)])
def test_no_pause_is_longer_than_five_minutes(told_s: float, paused_s: float) -> None:
    async def use(pace: Pace, _: Clock) -> None:
        pace.too_much(told_s)
        async with pace.turn():
            pass

    assert _with(use).slept == [paused_s]


def test_closing_sends_those_away_who_wait_for_room_or_for_the_end_of_a_pause() -> None:
    async def use(pace: Pace, clock: Clock) -> None:
        never = asyncio.Event()

        async def sleep(_: float) -> None:
            await never.wait()

        pausing = Pace(start=1, most=1, clock=clock, sleep=sleep)
        pausing.too_much(60)

        async def wait(one: Pace) -> None:
            async with one.turn():
                await never.wait()

        inside = asyncio.ensure_future(wait(pace))
        waiting = [asyncio.ensure_future(wait(one)) for one in (pace, pausing)]
        for _ in range(5):
            await asyncio.sleep(0)
        await pace.close()
        await pausing.close()
        ends = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(end) for end in ends] == [PaceClosedError, PaceClosedError]
        assert not inside.done()
        never.set()
        await inside

    _with(use, start=1, most=1)
