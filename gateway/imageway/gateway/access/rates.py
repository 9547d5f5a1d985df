"""Requests and images per minute, counted by the `limits` library: in memory, or in Redis for all replicas together."""

import math
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

from msgspec import Struct

from imageway.contract.errors import ErrorCode
from imageway.gateway.access.keyring import KeySettings
from imageway.gateway.access.limit import LimitReachedError
from imageway.gateway.access.missable import Missable

if TYPE_CHECKING:
    from limits.aio.storage import MemoryStorage, RedisStorage
    from limits.aio.strategies import RateLimiter
    from redis.asyncio import Redis

__all__ = ("RateState", "Rates")

Counted: TypeAlias = Literal["requests", "images"]
_PREFIX = "imageway:rates:1"


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
    """The minute limits of keys. *redis* makes replicas count together; while it can't be reached, calls pass."""

    def __init__(
        self,
        redis: "Redis | None" = None,
        missable: Missable | None = None,
        *,
        time_s: Callable[[], float] = time.time,
    ) -> None:
        self._redis = redis
        self._missable = missable or Missable("rates")
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
                raise LimitReachedError(
                    "images_per_minute",
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

        if not self._missable.there:
            return None
        limiter, item = self._ready(), RateLimitItemPerMinute(limit)
        try:
            fits = await limiter.hit(item, key.name, counted, cost=cost)
            stats = await limiter.get_window_stats(item, key.name, counted)
        except Exception as error:  # noqa: BLE001  # of whichever storage; what can't be counted lets calls pass
            self._missable.failed(error)
            return None
        state = RateState(
            counted=counted, limit=limit, remaining=stats.remaining, reset_s=max(0.0, stats.reset_time - self._time_s())
        )
        if fits:
            return state
        raise LimitReachedError(
            "requests_per_minute" if counted == "requests" else "images_per_minute",
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

            if self._redis is None:
                storage = storage_from_string("async+memory://")
            else:
                storage = storage_from_string(
                    "async+redis://",
                    implementation="redispy",
                    key_prefix=_PREFIX,
                    connection_pool=self._redis.connection_pool,  # type: ignore[arg-type]  # passed on to the client
                )
            self._limiter = MovingWindowRateLimiter(cast("MemoryStorage | RedisStorage", storage))
        return self._limiter
