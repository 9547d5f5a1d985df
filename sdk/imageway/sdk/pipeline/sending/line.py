"""The calls to one endpoint: at the pace that it bears, and again where it refuses them for now."""

from collections.abc import Awaitable, Callable
from random import Random
from typing import TypeVar

from imageway.contract.errors import ErrorCode, ImageError
from imageway.sdk.pipeline.events import Listener, Throttled
from imageway.sdk.pipeline.sending.pace import Pace

__all__ = ("Line",)

T = TypeVar("T")

_PATIENCE_S = 900.0
_FIRST_WAIT_S, _LONGEST_WAIT_S = 1.0, 60.0
_SPENT = "insufficient_quota"


class Line:
    """Where calls wait for their turn. *random* spreads those that are made again."""

    def __init__(self, pace: Pace, *, on_event: Listener, random: Random) -> None:
        self._pace = pace
        self._on_event = on_event
        self._random = random

    def another(self) -> "Line":
        """A line of another endpoint, which begins as this one did."""
        return Line(self._pace.another(), on_event=self._on_event, random=self._random)

    async def close(self) -> None:
        """Make no call any more, nor what waits for its turn; what is in flight goes on."""
        await self._pace.close()

    async def answered(self, ask: Callable[[], Awaitable[T]]) -> T:
        """What *ask* gives; what is refused for now is asked again, for up to a quarter of an hour.

        Raises `PaceClosedError`, and what *ask* raises.
        """
        waited_s, tries = 0.0, 0
        while True:
            try:
                async with self._pace.turn():
                    found = await ask()
            except ImageError as error:
                wait_s = self._wait_s(error, tries)
                if wait_s is None or waited_s + wait_s > _PATIENCE_S:
                    raise
                tries, waited_s = tries + 1, waited_s + wait_s
                self._pace.too_much(wait_s)
                self._on_event(Throttled(wait_s=wait_s, in_flight=self._pace.limit, code=error.code))
                continue
            await self._pace.went_well()
            return found

    def _wait_s(self, error: ImageError, tries: int) -> float | None:
        """How long to wait before the same call is made again; None where it isn't.

        Only what surely came to nothing, and where the endpoint has said that later is better.
        """
        told_s = error.retry_after_s
        again = error.code is ErrorCode.RATE_LIMITED or (
            error.code is ErrorCode.UPSTREAM_UNAVAILABLE and told_s is not None
        )
        if error.may_have_billed or not again or error.upstream_code == _SPENT:
            return None
        backoff_s: float = min(_FIRST_WAIT_S * 2**tries, _LONGEST_WAIT_S)
        return max(told_s or 0.0, backoff_s * self._random.uniform(0.5, 1.0))
