"""Calls in flight of each key: counted in this process, and in Redis for all replicas together.

A call of another replica is a lease there, which runs out unless its process renews it. While Redis can't be reached,
each process counts its own.
"""

import asyncio
import logging
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from imageway.contract.errors import ErrorCode, ImageError
from imageway.gateway.access.keyring import KeySettings
from imageway.gateway.access.limit import LimitReachedError
from imageway.gateway.access.missable import Missable

if TYPE_CHECKING:
    from redis.asyncio import Redis

__all__ = ("InFlight",)

_log = logging.getLogger(__name__)
_PREFIX = "imageway:in_flight:1:"
_LEASE_S = 30.0

# Scores are the ends of leases, in Redis's own time: replicas' clocks don't matter. Each may arrive twice.
_TAKE = """
local token, limit, lease_ms = unpack(ARGV)
local now = redis.call('TIME')
local now_ms = now[1] * 1000 + math.floor(now[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now_ms)
if redis.call('ZSCORE', KEYS[1], token) == false and redis.call('ZCARD', KEYS[1]) >= tonumber(limit) then return 0 end
redis.call('ZADD', KEYS[1], now_ms + lease_ms, token)
redis.call('PEXPIRE', KEYS[1], lease_ms)
return 1
"""
_RENEW = """
local now = redis.call('TIME')
local until_ms = now[1] * 1000 + math.floor(now[2] / 1000) + ARGV[1]
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], 'XX', until_ms, ARGV[i]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
"""


class InFlight:
    """Counts calls by key. With *redis* somebody must `keep_up` the leases as long as it is used."""

    def __init__(
        self,
        redis: "Redis | None" = None,
        missable: Missable | None = None,
        *,
        lease_s: float = _LEASE_S,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._here: Counter[str] = Counter()
        self._leases: dict[str, str] = {}
        self._redis = redis
        self._missable = missable or Missable("in_flight")
        self._lease_s = lease_s
        self._sleep = sleep

    @asynccontextmanager
    async def one_of(self, key: KeySettings) -> AsyncIterator[None]:
        """The time of one call of *key*. Raises `ImageError` (rate_limited) where its limit is reached."""
        limit = key.max_in_flight
        if limit is None:
            yield
            return
        if self._here[key.name] >= limit:
            raise _too_many(limit)
        self._here[key.name] += 1
        try:
            if self._redis is None:
                yield
                return
            token = secrets.token_hex(16)
            try:
                if not await self._taken(self._redis, key.name, token, limit):
                    raise _too_many(limit)
                yield
            finally:
                if self._leases.pop(token, None) is not None:
                    await self._asked(self._redis.zrem(_PREFIX + key.name, token))
        finally:
            self._here[key.name] -= 1

    async def keep_up(self) -> None:
        """Renew the leases whenever it is due, for ever. Two renewals may fail before one runs out."""
        if self._redis is None:
            return
        while True:
            await self._sleep(self._lease_s / 3)
            try:
                await self._renewed(self._redis)
            except Exception:  # noqa: BLE001  # what goes wrong once may work the next time, and no call may fall with it
                _log.exception("in_flight.renewal_failed")

    async def _renewed(self, redis: "Redis") -> None:
        by_key: dict[str, list[str]] = {}
        for token, name in self._leases.items():
            by_key.setdefault(name, []).append(token)
        for name, tokens in by_key.items():
            await self._asked(redis.eval(_RENEW, 1, _PREFIX + name, round(self._lease_s * 1000), *tokens))

    async def _taken(self, redis: "Redis", name: str, token: str, limit: int) -> bool:
        if not self._missable.there:
            return True
        lease_ms = round(self._lease_s * 1000)
        found = await self._asked(redis.eval(_TAKE, 1, _PREFIX + name, token, limit, lease_ms))
        if found == 1:
            self._leases[token] = name
        return found != 0

    async def _asked(self, asking: Awaitable[object]) -> object:
        """What Redis answers; None where it doesn't."""
        from redis.exceptions import RedisError

        try:
            return await asking
        except (RedisError, OSError) as error:
            self._missable.failed(error)
            return None


def _too_many(limit: int) -> ImageError:
    return LimitReachedError(
        "in_flight",
        ErrorCode.RATE_LIMITED,
        f"This key has {limit} calls in flight, which is its limit.",
        upstream_type="requests",
        upstream_code="rate_limit_exceeded",
        retry_after_s=1,
    )
