"""Budgets in a Redis: kept beyond their period and no longer, and never used where they can't be relied on."""

from pathlib import Path

import pytest
from redis import Redis

from imageway.contract.errors import ErrorCode, ImageError
from imageway.gateway.access.budgets import Period
from imageway.gateway.access.redis_budgets import RedisBudgets
from imageway.gateway.stores.place import StoreError
from redis_server import RedisServer, serving_redis

DAY = Period(key="k", name="2026-11-30", limit_micro_usd=2**53 - 1)
MONTH = Period(key="k", name="2026-11", limit_micro_usd=2**53 - 1)
DAY_S = 86_400


async def test_sums_outlive_their_period_and_then_go_away(redis_server: RedisServer, empty_redis: Redis) -> None:
    budgets = RedisBudgets(redis_server.url)
    await budgets.reserve((DAY, MONTH), 2**53 - 2)
    await budgets.settle((DAY, MONTH), 1)
    await budgets.aclose()

    names = {f"imageway:budgets:1:spent:k:{period.name}": period.name for period in (DAY, MONTH)}
    assert {names[name]: empty_redis.get(name) for name in names} == {
        "2026-11-30": b"9007199254740991",
        "2026-11": b"9007199254740991",
    }
    left_s = {names[name]: empty_redis.ttl(name) for name in names}
    assert 2 * DAY_S < left_s["2026-11-30"] <= 3 * DAY_S
    assert 31 * DAY_S < left_s["2026-11"] <= 40 * DAY_S
    assert all(0 < empty_redis.ttl(key) <= 300 for key in empty_redis.keys("imageway:budgets:1:done:*"))


async def test_a_step_that_arrives_twice_counts_once(
    redis_server: RedisServer, empty_redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    budgets = RedisBudgets(redis_server.url)
    monkeypatch.setattr("secrets.token_hex", lambda _: "reserving")
    for _ in range(2):
        assert await budgets.reserve((DAY,), 30) is None
    monkeypatch.setattr("secrets.token_hex", lambda _: "settling")
    for _ in range(2):
        await budgets.settle((DAY,), -10)

    assert await budgets.spent((DAY,)) == {"2026-11-30": 20}
    await budgets.aclose()


async def test_a_redis_that_is_gone_refuses(tmp_path: Path) -> None:
    with serving_redis(tmp_path) as server:
        budgets = RedisBudgets(server.url)
        await budgets.reserve((DAY,), 1)
        server.kill()

        with pytest.raises(ImageError) as caught:
            await budgets.reserve((DAY,), 1)
        await budgets.aclose()

    assert (caught.value.code, caught.value.may_have_billed) == (ErrorCode.UPSTREAM_UNAVAILABLE, False)
    assert caught.value.message == "The gateway can't look up its budgets; nothing was sent."


async def test_a_redis_that_may_forget_is_not_used(tmp_path: Path) -> None:
    with serving_redis(tmp_path, "--maxmemory", "100mb", "--maxmemory-policy", "volatile-ttl") as server:
        budgets = RedisBudgets(server.url)
        with pytest.raises(StoreError) as caught:
            await budgets.check()
        await budgets.aclose()

    assert str(caught.value) == (
        "the Redis of budgets may forget keys when its memory is full (maxmemory-policy is volatile-ttl), and keys"
        " would spend their budgets twice; set maxmemory-policy to noeviction"
    )
