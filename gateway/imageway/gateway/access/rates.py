"""Requests and images per minute, counted by the `limits` library: in memory, or in Redis for all replicas together."""

import logging
import math
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

from msgspec import Struct

from imageway.contract.errors import ErrorCode, ImageError
from imageway.gateway.access.keyring import KeySettings

if TYPE_CHECKING:
    from limits.aio.storage import MemoryStorage, RedisStorage
    from limits.aio.strategies import RateLimiter

__all__ = ("RateState", "Rates")

Counted: TypeAlias = Literal["requests", "images"]
_log = logging.getLogger(__name__)


class RateState(Struct, frozen=True, kw_only=True):
    """One limit after a call was counted; `reset_s` is the time until something of it is free again."""

    counted: Counted
    limit: int
    remaining: int
    reset_s: float

    def headers(self) -> Mapping[str, str]:
        """As OpenAI tells its own limits."""
        return {
            f"x-ratelimit-limit-{self.counted}": str(self.limit),
            f"x-ratelimit-remaining-{self.counted}": str(self.remaining),
            f"x-ratelimit-reset-{self.counted}": f"{self.reset_s:.3f}s",
        }


class Rates:
    """The minute limits of keys. `redis_url` makes replicas count together; while it can't be reached, calls pass."""

    def __init__(self, redis_url: str | None = None, *, time_s: Callable[[], float] = time.time) -> None:
        self._storage_url = "async+memory://" if redis_url is None else f"async+{redis_url}"
        self._time_s = time_s
        self._limiter: RateLimiter | None = None

    async def count(self, key: KeySettings, images: int) -> tuple[RateState, ...]:
        """Count a call for *images* pictures. Raises `ImageError` (rate_limited) where a limit is reached.

        A call that asks for more pictures than a minute's limit holds could never pass and is refused as unsupported.
        """
        states: list[RateState] = []
        asked: tuple[tuple[Counted, int | None, int], ...] = (
            ("requests", key.requests_per_minute, 1),
            ("images", key.images_per_minute, images),
        )
        for counted, limit, cost in asked:
            if limit is None:
                continue
            if cost > limit:
                raise ImageError(
                    ErrorCode.INVALID_REQUEST,
                    f"This key may draw {limit} images a minute, and the request asks for {cost}.",
                    param="n",
                    upstream_code="integer_above_max_value",
                )
            state = await self._hit(key, counted, limit, cost)
            if state is not None:
                states.append(state)
        return tuple(states)

    async def _hit(self, key: KeySettings, counted: Counted, limit: int, cost: int) -> RateState | None:
        from limits import RateLimitItemPerMinute

        limiter, item = self._ready(), RateLimitItemPerMinute(limit)
        try:
            fits = await limiter.hit(item, key.name, counted, cost=cost)
            stats = await limiter.get_window_stats(item, key.name, counted)
        except Exception:  # noqa: BLE001  # of whichever storage; a limit that can't be counted lets calls pass
            _log.warning("rates.uncounted", exc_info=True)
            return None
        state = RateState(
            counted=counted, limit=limit, remaining=stats.remaining, reset_s=max(0.0, stats.reset_time - self._time_s())
        )
        if fits:
            return state
        raise ImageError(
            ErrorCode.RATE_LIMITED,
            f"Rate limit reached for this key: {limit} {counted} a minute.",
            upstream_type=counted,
            upstream_code="rate_limit_exceeded",
            retry_after_s=math.ceil(state.reset_s) or 1,
        )

    def _ready(self) -> "RateLimiter":
        if self._limiter is None:
            # The library takes a tenth of a second to import, which gateways without limits don't spend.
            from limits.aio.strategies import MovingWindowRateLimiter
            from limits.storage import storage_from_string

            options = {"implementation": "redispy"} if "redis" in self._storage_url else {}
            storage = cast("MemoryStorage | RedisStorage", storage_from_string(self._storage_url, **options))
            self._limiter = MovingWindowRateLimiter(storage)
        return self._limiter
