"""Requests and images per minute."""

import pytest

from imageway.contract.errors import ErrorCode, ImageError
from imageway.gateway.access.keyring import ANYONE, KeySettings
from imageway.gateway.access.rates import Rates

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


async def test_calls_pass_while_the_counter_cannot_be_reached(caplog: pytest.LogCaptureFixture) -> None:
    rates = Rates("redis://127.0.0.1:1/0")

    assert await rates.count(KEY, 1) == ()
    assert "rates.uncounted" in caplog.text
