"""Budgets in a Redis that several gateways share: what one of them reserves, the others can't spend."""

import secrets
from collections.abc import Mapping, Sequence

from redis.asyncio import Redis
from redis.exceptions import RedisError

from imageway.gateway.access.budgets import Period, budgets_unusable
from imageway.gateway.stores.redis import check_keeps, redis_client

__all__ = ("RedisBudgets",)

_PREFIX = "imageway:budgets:1:"
"""All keys stand under it. The number is that of the schema: gateways of another one have budgets of their own."""

_TIMEOUT_S = 5.0
_DAY_S = 86_400
_KEEP_S = {len("2026-11-24"): 3 * _DAY_S, len("2026-11"): 40 * _DAY_S}
"""By the length of a period's name, how long its sum outlives the last change: beyond the period, and any call."""

# Every step is told a token and may arrive twice: what it answered is kept for longer than any repetition takes.
# Amounts stay the text that they came as, so that INCRBY sees whole numbers; comparing is exact up to 2^53.
_RESERVE = """
local seen = redis.call('GET', KEYS[1])
if seen then return tonumber(seen) end
local amount, full = ARGV[1], 0
for i = 2, #KEYS do
  local spent = tonumber(redis.call('GET', KEYS[i]) or '0')
  if full == 0 and spent + tonumber(amount) > tonumber(ARGV[2 * i - 2]) then full = i - 1 end
end
if full == 0 then
  for i = 2, #KEYS do
    redis.call('INCRBY', KEYS[i], amount)
    redis.call('EXPIRE', KEYS[i], ARGV[2 * i - 1])
  end
end
redis.call('SET', KEYS[1], full, 'EX', 300)
return full
"""
_SETTLE = """
if not redis.call('SET', KEYS[1], 0, 'EX', 300, 'NX') then return 0 end
for i = 2, #KEYS do
  redis.call('INCRBY', KEYS[i], ARGV[1])
  redis.call('EXPIRE', KEYS[i], ARGV[i])
end
return 0
"""


class RedisBudgets:
    """Sums in Redis. Keys are made of several names, so all must live on one server: this is not for Redis Cluster."""

    def __init__(self, url: str) -> None:
        """Connects to nothing yet. Raises `StoreError` where *url* is no address."""
        self._client: Redis = redis_client("budgets", url, timeout_s=_TIMEOUT_S)
        self._reserve_script = self._client.register_script(_RESERVE)
        self._settle_script = self._client.register_script(_SETTLE)

    async def check(self) -> None:
        """Raises `StoreError` where there is no Redis, or one that may forget a key to make room."""
        await check_keeps("budgets", self._client, otherwise="keys would spend their budgets twice")

    async def reserve(self, periods: Sequence[Period], micro_usd: int) -> Period | None:
        arguments = [micro_usd, *(part for period in periods for part in (period.limit_micro_usd, _keep_s(period)))]
        try:
            full = await self._reserve_script(keys=[_token(), *map(_key, periods)], args=arguments)
        except (RedisError, OSError) as error:
            raise budgets_unusable() from error
        return periods[full - 1] if full else None

    async def settle(self, periods: Sequence[Period], difference_micro_usd: int) -> None:
        arguments = [difference_micro_usd, *map(_keep_s, periods)]
        try:
            await self._settle_script(keys=[_token(), *map(_key, periods)], args=arguments)
        except (RedisError, OSError) as error:
            raise budgets_unusable() from error

    async def spent(self, periods: Sequence[Period]) -> Mapping[str, int]:
        try:
            sums = await self._client.mget([_key(period) for period in periods])
        except (RedisError, OSError) as error:
            raise budgets_unusable() from error
        return {period.name: int(found or 0) for period, found in zip(periods, sums, strict=True)}

    async def aclose(self) -> None:
        await self._client.aclose()


def _key(period: Period) -> str:
    return f"{_PREFIX}spent:{period.key}:{period.name}"


def _token() -> str:
    return f"{_PREFIX}done:{secrets.token_hex(16)}"


def _keep_s(period: Period) -> int:
    return _KEEP_S[len(period.name)]
