"""Calls of a run on their way out: sent again only where that is safe, never beyond the run's end."""

import asyncio
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from imageway.contract.cost import Estimate
from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.request import ImageRequest, Operation
from imageway.contract.result import GeneratedImage, ImageResult
from imageway.sdk.pipeline.events import Throttled
from imageway.sdk.pipeline.sending.pace import Pace
from imageway.sdk.pipeline.sending.purse import Purse
from imageway.sdk.pipeline.sending.sending import NotSentError, Sender

REQUEST = ImageRequest(operation=Operation.GENERATE, model="m", params={"prompt": "x"})
RESULT = ImageResult(created=1, images=(GeneratedImage(url="data:,"),))


class Gateway:
    """Answers by script, an error or a result each time; keeps the keys."""

    def __init__(self, *script: ImageError | None) -> None:
        self.script = [*script]
        self.keys: list[str | None] = []

    async def send(self, request: ImageRequest, *, idempotency_key: str | None = None) -> ImageResult:
        self.keys.append(idempotency_key)
        error = self.script.pop(0) if self.script else None
        if error is not None:
            raise error
        return RESULT

    async def estimate(self, request: ImageRequest) -> Estimate | None:
        known = request.model == "m"
        return Estimate(low_usd=Decimal(1), high_usd=Decimal(2), approximate=False) if known else None


class Sent:
    """A sender with all that it tells."""

    def __init__(self, gateway: Gateway, budget: Decimal | None = None) -> None:
        self.slept: list[float] = []
        self.events: list[Any] = []
        self.reserved: list[Decimal] = []
        self._now_s = 0.0
        self.sender = Sender(
            gateway,
            pace=Pace(start=4, most=4, clock=lambda: self._now_s, sleep=self._sleep),
            purse=Purse(budget),
            prices=gateway,
            on_event=self.events.append,
            random=Random(1),
        )

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._now_s += seconds

    async def _reserve(self, high_usd: Decimal) -> None:
        self.reserved.append(high_usd)

    def send(self, request: ImageRequest = REQUEST, cost: Decimal | None = Decimal("1.5")) -> ImageResult:
        async def run() -> ImageResult:
            return await self.sender.send(request, "key", cost_of=lambda _: cost, reserved=self._reserve)

        return asyncio.run(run())


def error(code: ErrorCode, **fields: Any) -> ImageError:
    return ImageError(code, "no", **fields)


def test_a_throttled_call_goes_out_again_under_its_key_when_the_gateway_says() -> None:
    gateway = Gateway(error(ErrorCode.RATE_LIMITED, retry_after_s=7.0))
    sent = Sent(gateway)

    assert sent.send() is RESULT
    assert (gateway.keys, sent.slept) == (["key", "key"], [7.0])
    assert sent.events == [Throttled(wait_s=7.0, in_flight=3, code="rate_limited")]


def test_a_gateway_that_is_out_of_room_is_asked_again_when_it_says() -> None:
    gateway = Gateway(error(ErrorCode.UPSTREAM_UNAVAILABLE, retry_after_s=3.0))

    assert Sent(gateway).send() is RESULT
    assert len(gateway.keys) == 2


@pytest.mark.parametrize(
    "refused",
    [
        error(ErrorCode.UPSTREAM_UNAVAILABLE),
        error(ErrorCode.UPSTREAM_UNAVAILABLE, retry_after_s=1.0, may_have_billed=True),
        error(ErrorCode.RATE_LIMITED, retry_after_s=1.0, may_have_billed=True),
        error(ErrorCode.UPSTREAM_TIMEOUT, may_have_billed=True),
        error(ErrorCode.CONTENT_REJECTED, retry_after_s=1.0),
        error(ErrorCode.OUTCOME_UNKNOWN),
        error(ErrorCode.INTERNAL),
    ],
)
def test_nothing_else_is_sent_twice(refused: ImageError) -> None:
    gateway = Gateway(refused)
    sent = Sent(gateway)

    with pytest.raises(ImageError) as caught:
        sent.send()

    assert caught.value is refused
    assert (gateway.keys, sent.slept, sent.events) == (["key"], [], [])


def test_a_gateway_that_stays_busy_is_given_up_after_a_quarter_of_an_hour() -> None:
    gateway = Gateway(*[error(ErrorCode.RATE_LIMITED, retry_after_s=100.0)] * 20)
    sent = Sent(gateway)

    with pytest.raises(ImageError):
        sent.send()

    assert sent.slept == [100.0] * 9


def test_waits_that_the_gateway_does_not_tell_grow_and_are_spread() -> None:
    gateway = Gateway(*[error(ErrorCode.RATE_LIMITED)] * 8)
    sent = Sent(gateway)

    sent.send()

    doubled = [1, 2, 4, 8, 16, 32, 60, 60]
    assert all(most / 2 <= slept <= most for slept, most in zip(sent.slept, doubled, strict=True))


@pytest.mark.parametrize(
    ("script", "cost", "spent"),
    [
        ([], Decimal("1.5"), Decimal("1.5")),
        ([], None, Decimal(2)),
        ([error(ErrorCode.UPSTREAM_TIMEOUT, may_have_billed=True)], None, Decimal(2)),
        ([error(ErrorCode.CONTENT_REJECTED)], None, Decimal(0)),
    ],
)
def test_the_most_is_set_aside_and_settled_to_what_is_known(
    script: list[ImageError], cost: Decimal | None, spent: Decimal
) -> None:
    sent = Sent(Gateway(*script), Decimal(10))

    if script:
        with pytest.raises(ImageError):
            sent.send(cost=cost)
    else:
        sent.send(cost=cost)

    assert (sent.reserved, sent.sender.purse.spent_usd) == ([Decimal(2)], spent)


def test_a_call_that_does_not_fit_is_not_sent_and_ends_the_run() -> None:
    gateway = Gateway()
    sent = Sent(gateway, Decimal("1.99"))

    for _ in range(2):
        with pytest.raises(NotSentError) as caught:
            sent.send()
        assert (caught.value.cause, caught.value.reason) == (
            "budget",
            "The budget of 1.99 USD is reached: 0.0000 are spent, and the next call may cost 2.0000.",
        )

    assert (gateway.keys, sent.reserved) == ([], [])


def test_a_model_without_a_price_is_not_used_by_a_run_with_a_budget() -> None:
    gateway = Gateway()
    sent = Sent(gateway, Decimal(10))

    with pytest.raises(NotSentError) as caught:
        sent.send(ImageRequest(operation=Operation.GENERATE, model="other", params={}))

    assert caught.value.reason == "Nobody knows a price of the model 'other', so a run with a budget can't use it."
    assert gateway.keys == []


def test_the_keys_own_budget_ends_the_run_too() -> None:
    gateway = Gateway(error(ErrorCode.BUDGET_EXHAUSTED))
    sent = Sent(gateway)

    for _ in range(2):
        with pytest.raises(NotSentError) as caught:
            sent.send()
        assert (caught.value.cause, caught.value.reason) == ("budget", "no")

    assert gateway.keys == ["key"]


def test_after_the_end_nothing_is_sent() -> None:
    gateway = Gateway()
    sent = Sent(gateway)
    asyncio.run(sent.sender.close("time", "over"))

    with pytest.raises(NotSentError) as caught:
        sent.send()

    assert (caught.value.cause, caught.value.reason, gateway.keys) == ("time", "over", [])


def test_a_chat_endpoint_is_asked_again_when_it_says_and_nobody_else_waits_for_it() -> None:
    gateway = Gateway()
    sent = Sent(gateway)
    script = [error(ErrorCode.RATE_LIMITED, retry_after_s=7.0), None, error(ErrorCode.UPSTREAM_TIMEOUT)]

    async def ask() -> str:
        fault = script.pop(0)
        if fault is not None:
            raise fault
        return "a hat"

    async def run() -> str:
        text = await sent.sender.write("http://chat", ask)
        with pytest.raises(ImageError):
            await sent.sender.write("http://chat", ask)
        return text

    assert asyncio.run(run()) == "a hat"
    assert (sent.slept, sent.events) == ([7.0], [Throttled(wait_s=7.0, in_flight=3, code="rate_limited")])
    assert (sent.send(), sent.slept, script) == (RESULT, [7.0], [])


def test_after_the_end_nothing_is_written_either() -> None:
    sent = Sent(Gateway())

    async def ask() -> str:
        raise AssertionError

    async def run() -> None:
        await sent.sender.close("time", "The time is over.")
        with pytest.raises(NotSentError, match="The time is over"):
            await sent.sender.write("http://chat", ask)

    asyncio.run(run())
