"""One request on its way through the engine: what is known of it so far, for observers to hear."""

from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from hashlib import sha256
from types import TracebackType
from typing import Self

from msgspec import UNSET, UnsetType

from imageway.contract.errors import ErrorCode, ImageError, UnknownModelError, UnsupportedError
from imageway.contract.request import ImageRequest
from imageway.contract.result import Usage
from imageway.contract.stream import CompletedImage, ImageEvent
from imageway.gateway.access.limit import LimitReachedError
from imageway.gateway.engine.events import (
    AttemptFinished,
    AttemptStarted,
    NextStep,
    PassReason,
    PictureIn,
    RequestFinished,
    TargetPassedOver,
)
from imageway.gateway.engine.observers import Observers
from imageway.providers.registry import Passage, Target

__all__ = ("Attempt", "Call")


class Attempt:
    """A call to one target that is under way; whoever makes it notes the vendor's id for it."""

    def __init__(self, target: Target, started_s: float) -> None:
        self.target = target
        self.started_s = started_s
        self.upstream_request_id: str | None = None


class Call:
    """Counts attempts and pictures, and tells *observers*; what they raise is logged and touches nothing.

    As a context it is the request's whole time: observers hear its end, whatever it is.
    """

    def __init__(
        self,
        request: ImageRequest,
        request_id: str,
        key_name: str,
        observers: Observers,
        clock_s: Callable[[], float],
    ) -> None:
        self.request = request
        self.attempts = 0
        self.images = 0
        self.image_bytes = 0
        self.translated: tuple[str, ...] = ()
        self.cost_usd: Decimal | None = None
        self.usage: Usage | UnsetType = UNSET
        self._request_id = request_id
        self._token = object()
        self._key_name = key_name
        self._observers = observers
        self._clock_s = clock_s
        self._started_s = clock_s()
        self._upstream_s = 0.0
        self._first_picture_s: float | None = None
        self.estimated_usd: Decimal | None = None
        self.keyed = False
        self.waited_s = 0.0
        self._target: Target | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, ImageError) and self._target is not None:
            error.attempts, error.target = self.attempts, error.target or self._target.label
        self.finished(error)

    def begun(self, passage: Passage) -> Attempt:
        """Note that the target of *passage* is being asked."""
        self.attempts += 1
        self.translated = passage.rules
        self._target = target = passage.target
        event = AttemptStarted(
            request_id=self._request_id,
            model=self.request.model,
            provider=target.provider_name,
            upstream_model=target.upstream_model,
            attempt=self.attempts,
            call=self._token,
        )
        self._observers.tell(lambda observer: observer.attempt_started(event))
        return Attempt(passage.target, self._clock_s())

    def ended(self, attempt: Attempt, error: BaseException | None, followed_by: NextStep) -> None:
        """Tell how *attempt*, the last one, ended."""
        seconds = self._clock_s() - attempt.started_s
        self._upstream_s += seconds
        upstream_request_id = error.upstream_request_id if isinstance(error, ImageError) else None
        event = AttemptFinished(
            request_id=self._request_id,
            model=self.request.model,
            provider=attempt.target.provider_name,
            upstream_model=attempt.target.upstream_model,
            attempt=self.attempts,
            call=self._token,
            code=_code_of(error),
            seconds=seconds,
            followed_by=followed_by,
            may_have_billed=isinstance(error, ImageError) and error.may_have_billed,
            upstream_request_id=upstream_request_id or attempt.upstream_request_id,
        )
        self._observers.tell(lambda observer: observer.attempt_finished(event))

    def passed_over(self, target: Target, reason: PassReason) -> None:
        event = TargetPassedOver(
            request_id=self._request_id,
            model=self.request.model,
            provider=target.provider_name,
            upstream_model=target.upstream_model,
            reason=reason,
        )
        self._observers.tell(lambda observer: observer.target_passed_over(event))

    @property
    def seconds(self) -> float:
        """Since the call began."""
        return self._clock_s() - self._started_s

    async def counting(self, events: AsyncIterator[ImageEvent]) -> AsyncIterator[ImageEvent]:
        """*events*, with the finished pictures counted."""
        async for event in events:
            if self._first_picture_s is None:
                self._first_picture_s = self._clock_s() - self._started_s
            if isinstance(event, CompletedImage):
                self.images += 1
                self.image_bytes += event.image.size_bytes
                self.usage = self.usage if isinstance(event.usage, UnsetType) else event.usage
            yield event

    def finished(self, error: BaseException | None = None) -> None:
        request = self.request
        prompt = request.params.get("prompt")
        event = RequestFinished(
            request_id=self._request_id,
            operation=request.operation,
            model=None if isinstance(error, UnknownModelError) or not request.model else request.model,
            provider=None if self._target is None else self._target.provider_name,
            code=_code_of(error),
            seconds=self.seconds,
            upstream_seconds=self._upstream_s,
            attempts=self.attempts,
            images=self.images,
            image_bytes=self.image_bytes,
            prompt_chars=len(prompt) if isinstance(prompt, str) else 0,
            input_images=len(request.images),
            input_bytes=sum(image.size_bytes for image in request.images),
            faults=tuple(violation.code for violation in error.violations)
            if isinstance(error, UnsupportedError)
            else (),
            translated=self.translated,
            key=self._key_name,
            cost_usd=self.cost_usd,
            asked_images=request.n,
            first_picture_seconds=self._first_picture_s,
            fault_params=tuple(violation.param for violation in error.violations)
            if isinstance(error, UnsupportedError)
            else (),
            usage=None if isinstance(self.usage, UnsetType) else self.usage,
            estimated_usd=self.estimated_usd if self.attempts else None,
            upstream_model=None if self._target is None else self._target.upstream_model,
            prompt_sha256=sha256(prompt.encode(errors="replace")).hexdigest()[:16] if isinstance(prompt, str) else "",
            pictures_in=_pictures_in(request),
            streamed=request.params.get("stream") is True,
            keyed=self.keyed,
            limit=error.limit if isinstance(error, LimitReachedError) else None,
            wait_seconds=self.waited_s,
            call=self._token,
        )
        self._observers.tell(lambda observer: observer.request_finished(event))


def _pictures_in(request: ImageRequest) -> tuple[PictureIn, ...]:
    if not request.images:
        return ()
    named = [("image", image) for image in request.images]
    named += [(role, image) for role, image in (("mask", request.mask), ("markup", request.markup)) if image]
    return tuple(
        PictureIn(
            role=role,
            format=image.facts.format.value,
            bytes=image.size_bytes,
            width_px=image.facts.width_px,
            height_px=image.facts.height_px,
        )
        for role, image in named
    )


def _code_of(error: BaseException | None) -> str:
    match error:
        case None:
            return "ok"
        case ImageError():
            return error.code.value
        case Exception():
            return ErrorCode.INTERNAL.value
        case _:
            return "cancelled"
