"""The engine without HTTP: attempts, fallback, and what observers hear."""

import asyncio
from decimal import Decimal

import pytest
from typing_extensions import override

from fakes.clock import FakeClock
from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.request import ImageRequest, Operation
from imageway.contract.result import GeneratedImage, ImageResult
from imageway.gateway.engine.engine import Engine
from imageway.gateway.engine.events import AttemptFinished, Observer, RequestFinished
from imageway.providers.catalogue import load_catalogue
from imageway.providers.registry import Model, Registry, Target

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
        self.attempts.append(event)

    @override
    def request_finished(self, event: RequestFinished) -> None:
        self.requests.append(event)


class Broken(Listener):
    @override
    def request_finished(self, event: RequestFinished) -> None:
        raise RuntimeError("this observer is broken")


def engine(listener: Listener, *providers: Scripted) -> Engine:
    targets = tuple(
        Target(provider_name=f"p{position}", provider=provider, upstream_model="up", spec=SPEC, priority=position)
        for position, provider in enumerate(providers)
    )
    clock = FakeClock()
    for provider in providers:
        provider.clock = clock
    registry = Registry([Model(name="m", contract=SPEC, targets=targets)])
    return Engine(registry, observers=(listener,), clock_s=clock, sleep=clock.sleep)


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
