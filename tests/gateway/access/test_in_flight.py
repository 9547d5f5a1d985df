"""Calls in flight, of one process and of several on a Redis."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from imageway.contract.errors import ErrorCode, ImageError
from imageway.gateway.access.in_flight import InFlight
from imageway.gateway.access.keyring import ANYONE, KeySettings
from imageway.gateway.access.missable import Missable
from imageway.gateway.engine.events import Observer, StoreFailed
from imageway.gateway.engine.observers import Observers
from redis_server import RedisServer, serving_redis

KEY = KeySettings(name="k", sha256="0" * 64, max_in_flight=2)
LEASES = "imageway:in_flight:1:k"


class Heard(Observer):
    def __init__(self) -> None:
        self.events: list[StoreFailed] = []

    def store_failed(self, event: StoreFailed) -> None:
        self.events.append(event)


@pytest.fixture
async def client(redis_server: RedisServer, empty_redis: Redis) -> AsyncIterator[AsyncRedis]:
    async with AsyncRedis.from_url(redis_server.url) as client:
        yield client


async def refused(in_flight: InFlight) -> ImageError:
    with pytest.raises(ImageError) as caught:
        async with in_flight.one_of(KEY):
            raise AssertionError("let in")
    return caught.value


async def test_the_last_call_that_fits_passes_and_the_next_is_refused() -> None:
    in_flight = InFlight()

    async with in_flight.one_of(KEY), in_flight.one_of(KEY), in_flight.one_of(ANYONE):
        error = await refused(in_flight)
    async with in_flight.one_of(KEY):
        pass

    assert error.message == "This key has 2 calls in flight, which is its limit."
    assert (error.code, error.upstream_code, error.retry_after_s) == (
        ErrorCode.RATE_LIMITED,
        "rate_limit_exceeded",
        1,
    )


async def test_replicas_count_together(client: AsyncRedis, empty_redis: Redis) -> None:
    one, two = InFlight(client), InFlight(client)

    async with one.one_of(KEY):
        async with two.one_of(KEY):
            await refused(one)
            await refused(two)
        async with one.one_of(KEY):
            pass

    assert empty_redis.exists(LEASES) == 0


async def test_the_calls_of_a_replica_that_died_are_forgotten(client: AsyncRedis, empty_redis: Redis) -> None:
    empty_redis.zadd(LEASES, {"of-a-dead-process": 1, "of-another": 2})
    in_flight = InFlight(client)

    async with in_flight.one_of(KEY), in_flight.one_of(KEY):
        assert empty_redis.zcard(LEASES) == 2
        await refused(in_flight)


async def test_leases_are_renewed_and_those_of_ended_calls_are_not(client: AsyncRedis, empty_redis: Redis) -> None:
    due, done = asyncio.Event(), asyncio.Event()

    async def sleep(seconds: float) -> None:
        assert seconds == 10
        done.set()
        await due.wait()
        due.clear()

    in_flight = InFlight(client, lease_s=30, sleep=sleep)
    async with in_flight.one_of(KEY):
        [(lease, end_ms)] = empty_redis.zrange(LEASES, 0, -1, withscores=True)
        empty_redis.zadd(LEASES, {lease: end_ms - 20_000})
        keeping = asyncio.create_task(in_flight.keep_up())
        await done.wait()
        done.clear()
        due.set()
        await done.wait()

        assert empty_redis.zscore(LEASES, lease) >= end_ms
    done.clear()
    due.set()
    await done.wait()
    keeping.cancel()
    assert empty_redis.exists(LEASES) == 0


async def test_while_redis_is_gone_each_process_counts_its_own(tmp_path: Path) -> None:
    heard, now = Heard(), [0.0]
    with serving_redis(tmp_path) as server:
        async with AsyncRedis.from_url(server.url) as client:
            in_flight = InFlight(client, Missable("in_flight", Observers([heard]), lambda: now[0]))
            server.kill()
            async with in_flight.one_of(KEY), in_flight.one_of(KEY):
                await refused(in_flight)
            assert heard.events == [StoreFailed(store="in_flight", refused=False, error="ConnectionError")]

            now[0] = 1.0
            async with in_flight.one_of(KEY):
                assert len(heard.events) == 2
