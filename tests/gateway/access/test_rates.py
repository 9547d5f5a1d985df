"""Requests and images per minute."""

import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from imageway.contract.errors import ErrorCode, ImageError
from imageway.gateway.access.keyring import ANYONE, KeySettings
from imageway.gateway.access.missable import Missable
from imageway.gateway.access.rates import Rates
from imageway.gateway.engine.events import Observer, StoreFailed
from imageway.gateway.engine.observers import Observers
from redis_server import RedisServer

KEY = KeySettings(name="k", sha256="0" * 64, requests_per_minute=3, images_per_minute=5)


async def test_a_limit_passes_its_last_call_and_refuses_the_next() -> None:
    rates = Rates()

    passed = [await rates.count(KEY, 1) for _ in range(3)]
    with pytest.raises(ImageError) as caught:
        await rates.count(KEY, 1)

    assert [[(state.counted, state.remaining) for state in states] for states in passed] == [
        [("requests", 2), ("images", 4)],
        [("requests", 1), ("images", 3)],
        [("requests", 0), ("images", 2)],
    ]
    assert caught.value.message == "Rate limit reached for this key: 3 requests a minute."
    assert (caught.value.code, caught.value.upstream_code) == (ErrorCode.RATE_LIMITED, "rate_limit_exceeded")
    assert caught.value.retry_after_s is not None
    assert 1 <= caught.value.retry_after_s <= 60


async def test_pictures_count_each() -> None:
    rates = Rates()
    await rates.count(KEY, 4)

    with pytest.raises(ImageError, match="5 images a minute"):
        await rates.count(KEY, 2)


async def test_more_pictures_than_a_minute_holds_are_refused_for_good() -> None:
    with pytest.raises(ImageError) as caught:
        await Rates().count(KEY, 6)

    assert (caught.value.code, caught.value.param) == (ErrorCode.INVALID_REQUEST, "n")
    assert caught.value.message == "This key may draw 5 images a minute, and the request asks for 6."


async def test_a_key_without_limits_is_not_counted() -> None:
    assert await Rates().count(ANYONE, 10) == ()


async def test_keys_are_counted_apart() -> None:
    rates = Rates()
    other = KeySettings(name="other", sha256="1" * 64, requests_per_minute=3)
    for _ in range(3):
        await rates.count(KEY, 1)

    assert [state.remaining for state in await rates.count(other, 1)] == [2]


async def test_limits_are_told_as_the_vendor_tells_its_own() -> None:
    [requests, images] = await Rates(time_s=lambda: 0.0).count(KEY, 2)

    assert set(requests.headers()) == {
        "x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"
    }  # fmt: skip
    assert images.headers()["x-ratelimit-remaining-images"] == "3"
    assert images.headers()["x-ratelimit-reset-images"].endswith("s")


async def test_replicas_count_together(redis_server: RedisServer, empty_redis: Redis) -> None:
    async with AsyncRedis.from_url(redis_server.url) as client:
        one, two = Rates(client), Rates(client)
        left = [(await rates.count(KEY, 1))[0].remaining for rates in (one, two, one)]

        with pytest.raises(ImageError, match="3 requests a minute"):
            await two.count(KEY, 1)

    assert left == [2, 1, 0]
    assert all(key.startswith(b"imageway:rates:1") and empty_redis.ttl(key) > 0 for key in empty_redis.scan_iter())


async def test_calls_pass_while_the_counter_cannot_be_reached() -> None:
    heard, now = Heard(), [0.0]
    async with AsyncRedis.from_url("redis://127.0.0.1:1/0") as client:
        rates = Rates(client, Missable("rates", Observers([heard]), lambda: now[0]))
        assert [await rates.count(KEY, 1) for _ in range(5)] == [()] * 5
        assert heard.events == [StoreFailed(store="rates", refused=False, error="ConnectionError")]

        now[0] = 1.0
        await rates.count(KEY, 1)
        assert len(heard.events) == 2


class Heard(Observer):
    def __init__(self) -> None:
        self.events: list[StoreFailed] = []

    def store_failed(self, event: StoreFailed) -> None:
        self.events.append(event)
