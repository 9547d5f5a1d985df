"""The engine without HTTP: attempts, fallback, and what observers hear."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest
from msgspec.structs import replace
from typing_extensions import override

from fakes.clock import FakeClock
from fakes.upstream import PNG
from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.request import ImageInput, ImageRequest, Operation
from imageway.contract.result import GeneratedImage, ImageResult
from imageway.contract.sniff import sniff
from imageway.gateway.engine.delivery import Delivery, Room
from imageway.gateway.engine.engine import Engine
from imageway.gateway.engine.events import (
    AttemptFinished,
    BreakerChanged,
    Observer,
    RequestFinished,
    TargetPassedOver,
    TargetRested,
)
from imageway.gateway.engine.patience import Patience
from imageway.gateway.engine.traffic import Traffic
from imageway.providers.catalogue import load_catalogue
from imageway.providers.registry import Model, Passage, Registry, Target
from imageway.providers.traffic_rules import TargetLimits

SPEC = load_catalogue()["openai/gpt-image-1"]
REQUEST = ImageRequest(operation=Operation.GENERATE, model="m", params={"prompt": "a kite"})


class Scripted:
    """A provider that does what it was told, or draws, in a second."""

    def __init__(self, *script: BaseException) -> None:
        self._script = list(script)
        self.clock = FakeClock()

    async def create(self, upstream_model: str, request: ImageRequest) -> ImageResult:
        self.clock.now_s += 1.0
        if self._script:
            raise self._script.pop(0)
        return ImageResult(created=1, images=(GeneratedImage.from_bytes(b"x"),), upstream_request_id="up")

    async def aclose(self) -> None:
        return


class Listener(Observer):
    def __init__(self) -> None:
        self.attempts: list[AttemptFinished] = []
        self.requests: list[RequestFinished] = []

    @override
    def attempt_finished(self, event: AttemptFinished) -> None:
        self.attempts.append(replace(event, call=None))

    @override
    def request_finished(self, event: RequestFinished) -> None:
        self.requests.append(replace(event, call=None))


class Broken(Listener):
    @override
    def request_finished(self, event: RequestFinished) -> None:
        raise RuntimeError("this observer is broken")


def engine(
    listener: Observer,
    *providers: Scripted,
    traffic: Traffic | None = None,
    delivery: Delivery | None = None,
    limits: TargetLimits = TargetLimits(),  # noqa: B008  # never changed
) -> Engine:
    targets = tuple(
        Target(
            provider_name=f"p{position}",
            provider=provider,
            upstream_model="up",
            spec=SPEC,
            priority=position,
            limits=limits,
        )
        for position, provider in enumerate(providers)
    )
    clock = FakeClock()
    for provider in providers:
        provider.clock = clock
    registry = Registry([Model(name="m", contract=SPEC, targets=targets)])
    return Engine(
        registry,
        observers=(listener,),
        traffic=traffic,
        delivery=delivery,
        clock_s=clock,
        sleep=clock.sleep,
        draw=lambda: 0.5,
    )


def test_observers_hear_every_attempt_and_the_end() -> None:
    listener = Listener()
    throttled = ImageError(ErrorCode.RATE_LIMITED, "slow down", upstream_request_id="up-0")

    outcome = asyncio.run(engine(listener, Scripted(throttled), Scripted()).run(REQUEST, request_id="r"))

    assert (outcome.attempts, outcome.target.provider_name) == (2, "p1")
    assert listener.attempts == [
        AttemptFinished(
            request_id="r",
            model="m",
            provider="p0",
            upstream_model="up",
            attempt=1,
            code="rate_limited",
            seconds=1.0,
            followed_by="fallback",
            upstream_request_id="up-0",
        ),
        AttemptFinished(
            request_id="r",
            model="m",
            provider="p1",
            upstream_model="up",
            attempt=2,
            code="ok",
            seconds=1.0,
            followed_by="answer",
            upstream_request_id="up",
        ),
    ]
    assert listener.requests == [
        RequestFinished(
            request_id="r",
            operation=Operation.GENERATE,
            model="m",
            provider="p1",
            code="ok",
            seconds=2.0,
            upstream_seconds=2.0,
            attempts=2,
            images=1,
            prompt_chars=6,
            input_images=0,
            input_bytes=0,
            key="anyone",
            upstream_model="up",
            prompt_sha256="facf5131ec5957f4",
            estimated_usd=Decimal("0.25067"),
            image_bytes=1,
        )
    ]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (ImageError(ErrorCode.CONTENT_REJECTED, "no"), "content_rejected"),
        (ImageError(ErrorCode.UPSTREAM_TIMEOUT, "late", may_have_billed=True), "upstream_timeout"),
        (RuntimeError("a bug"), "internal"),
        (asyncio.CancelledError(), "cancelled"),
    ],
)
def test_what_must_not_be_asked_elsewhere_is_not(fault: BaseException, code: str) -> None:
    listener = Listener()

    with pytest.raises(type(fault)):
        asyncio.run(engine(listener, Scripted(fault), Scripted()).run(REQUEST, request_id="r"))

    assert [event.code for event in listener.attempts] == [code]
    assert [event.code for event in listener.requests] == [code]


class Everything(Observer):
    """Hears what becomes of targets, in order."""

    def __init__(self) -> None:
        self.heard: list[object] = []

    @override
    def attempt_finished(self, event: AttemptFinished) -> None:
        self.heard.append((event.provider, event.code, event.followed_by))

    @override
    def target_passed_over(self, event: TargetPassedOver) -> None:
        self.heard.append(event)

    @override
    def breaker_changed(self, event: BreakerChanged) -> None:
        self.heard.append(event)

    @override
    def target_rested(self, event: TargetRested) -> None:
        self.heard.append(event)

    @override
    def request_finished(self, event: RequestFinished) -> None:
        self.heard.append((event.code, event.attempts, event.wait_seconds))


async def test_observers_hear_of_rests_retries_and_those_passed_over() -> None:
    everything = Everything()
    throttled = ImageError(ErrorCode.RATE_LIMITED, "slow down", retry_after_s=4)
    refused = ImageError(ErrorCode.UPSTREAM_AUTH, "no")
    busy = engine(everything, Scripted(throttled, throttled), Scripted(refused))

    with pytest.raises(ImageError):
        await busy.run(REQUEST, request_id="r", patience=Patience(whole_s=9))
    await busy.run(REQUEST, request_id="s")

    rested = TargetRested(provider="p0", upstream_model="up", seconds=4)
    over = TargetPassedOver(request_id="s", model="m", provider="p0", upstream_model="up", reason="resting")
    assert everything.heard == [
        rested,
        ("p0", "rate_limited", "fallback"),
        ("p1", "upstream_auth", "retry"),
        rested,
        ("p0", "rate_limited", "error"),
        ("rate_limited", 3, 4.2),
        over,
        ("p1", "ok", "answer"),
        ("ok", 1, 0.0),
    ]


async def test_observers_hear_a_breaker_open_try_and_close() -> None:
    everything = Everything()
    failing = engine(everything, Scripted(*[ImageError(ErrorCode.UPSTREAM_AUTH, "no") for _ in range(5)]))
    for _ in range(5):
        with pytest.raises(ImageError):
            await failing.run(REQUEST, request_id="r")
    with pytest.raises(ImageError) as caught:
        await failing.run(REQUEST, request_id="s")

    assert (caught.value.code, caught.value.attempts) == (ErrorCode.UPSTREAM_UNAVAILABLE, 0)
    assert everything.heard[-4:] == [
        ("p0", "upstream_auth", "error"),
        ("upstream_auth", 1, 0.0),
        TargetPassedOver(request_id="s", model="m", provider="p0", upstream_model="up", reason="breaker"),
        ("upstream_unavailable", 0, 0.0),
    ]
    opened = BreakerChanged(provider="p0", upstream_model="up", state="open", code="upstream_auth", seconds=15)
    assert [event for event in everything.heard if isinstance(event, BreakerChanged)] == [opened]


async def test_an_engine_that_takes_over_knows_who_wants_to_be_left_alone() -> None:
    listener = Listener()
    throttled = ImageError(ErrorCode.RATE_LIMITED, "slow down", retry_after_s=60)
    first = engine(listener, Scripted(throttled))
    with pytest.raises(ImageError):
        await first.run(REQUEST, request_id="r")

    second = engine(listener, Scripted(), traffic=first.traffic)
    with pytest.raises(ImageError) as caught:
        await second.run(REQUEST, request_id="s")

    assert (caught.value.code, caught.value.retry_after_s, second.unserved()) == (ErrorCode.RATE_LIMITED, 60, ("m",))


@pytest.mark.parametrize("own_fault", [ErrorCode.UPSTREAM_UNAVAILABLE, ErrorCode.RATE_LIMITED])
async def test_a_fault_of_the_gateways_own_is_no_targets(own_fault: ErrorCode) -> None:
    everything = Everything()
    able = engine(everything, Scripted(), Scripted())

    async def ledger_down() -> None:
        raise ImageError(own_fault, "The ledger can't be used.", retry_after_s=9)

    for _ in range(9):
        with pytest.raises(ImageError):
            await able.run(REQUEST, request_id="r", before_sending=ledger_down)

    assert everything.heard == [(own_fault.value, 0, 0.0)] * 9
    assert (await able.run(REQUEST, request_id="s")).target.provider_name == "p0"


class SlowToLeave(Delivery):
    """A delivery whose rooms take their time to close."""

    def __init__(self) -> None:
        super().__init__(None)
        self.leaving = asyncio.Event()

    @asynccontextmanager
    @override
    async def room_for(self, passage: Passage) -> AsyncIterator[Room]:
        try:
            yield Room(passage, None, None)
        finally:
            self.leaving.set()
            await asyncio.Event().wait()


async def test_a_call_cancelled_between_two_targets_leaves_no_place_taken() -> None:
    delivery = SlowToLeave()
    throttled = ImageError(ErrorCode.RATE_LIMITED, "slow down")
    limited = engine(
        Listener(), Scripted(throttled), Scripted(), delivery=delivery, limits=TargetLimits(max_in_flight=1)
    )
    calling = asyncio.create_task(limited.run(REQUEST, request_id="r"))
    await delivery.leaving.wait()
    before = [prospect.busy for prospect in limited.foresee(REQUEST).prospects]

    calling.cancel()
    await asyncio.wait((calling,))

    assert [busy.reason if busy else None for busy in before] == [None, "in_flight"]
    assert [prospect.busy for prospect in limited.foresee(REQUEST).prospects] == [None, None]


class Unread:
    """A picture that nobody may read."""

    size = len(PNG)

    def at(self, offset: int, count: int) -> bytes:
        raise AssertionError("telling of a picture reads it")

    def chunks(self) -> Iterator[bytes | memoryview]:
        raise AssertionError("telling of a picture reads it")


def test_telling_of_a_call_reads_no_picture() -> None:
    listener = Listener()
    photo = ImageInput(source=Unread(), facts=sniff(PNG))
    edit = replace(REQUEST, operation=Operation.EDIT, images=(photo,))

    asyncio.run(engine(listener, Scripted()).run(edit, request_id="r"))

    assert [picture.bytes for picture in listener.requests[0].pictures_in] == [len(PNG)]


def test_a_request_that_names_no_model_is_told_so() -> None:
    listener = Listener()
    nameless = ImageRequest(operation=Operation.GENERATE, model="", params={"prompt": "a kite"})

    with pytest.raises(ImageError) as caught:
        asyncio.run(engine(listener, Scripted()).run(nameless, request_id="r"))

    assert (caught.value.message, caught.value.param) == ("Missing required parameter: 'model'.", "model")
    assert [event.model for event in listener.requests] == [None]


def test_a_broken_observer_touches_no_request(caplog: pytest.LogCaptureFixture) -> None:
    outcome = asyncio.run(engine(Broken(), Scripted()).run(REQUEST, request_id="r"))

    assert outcome.attempts == 1
    assert "observer.failed" in caplog.text
