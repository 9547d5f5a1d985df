"""One request from check to answer: route, attempt, fall back, observe."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from time import perf_counter

from msgspec import Struct
from msgspec.structs import replace

from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.request import ImageRequest, Operation
from imageway.contract.result import ImageResult
from imageway.contract.stream import ImageEvent
from imageway.gateway.engine.call import Call
from imageway.gateway.engine.delivery import Delivery
from imageway.gateway.engine.events import Observer
from imageway.gateway.engine.policy import may_fall_back
from imageway.providers.registry import Passage, Registry, Target

__all__ = ("Engine", "Outcome", "Streamed")


class Outcome(Struct, frozen=True, kw_only=True):
    """Pictures, and how they came about; `translated` names the rules by which the request was changed on the way."""

    result: ImageResult
    target: Target
    attempts: int
    translated: tuple[str, ...] = ()


class Streamed(Struct, frozen=True, kw_only=True):
    """A request that *target* has taken on; `events` raises `ImageError` where it ends without its picture."""

    events: AsyncIterator[ImageEvent]
    target: Target
    attempts: int
    translated: tuple[str, ...] = ()


class Engine:
    """The road from a request to its pictures. `clock_s` counts seconds, from anywhere."""

    def __init__(
        self,
        registry: Registry,
        *,
        default_model: str | None = None,
        delivery: Delivery | None = None,
        observers: Sequence[Observer] = (),
        clock_s: Callable[[], float] = perf_counter,
    ) -> None:
        self.registry = registry
        self._default_model = default_model
        self._delivery = delivery or Delivery(None)
        self._observers = observers
        self._clock_s = clock_s

    async def run(self, request: ImageRequest, *, request_id: str) -> Outcome:
        """Have *request* drawn. Raises `ImageError`; its `UnsupportedError` means that nothing was sent."""
        with self._call(self._named(request), request_id).told() as call:
            *others, last = self._route(call)
            for passage in others:
                try:
                    return await self._drawn(call, passage)
                except ImageError as error:
                    if not may_fall_back(error):
                        raise
            return await self._drawn(call, last)

    async def _drawn(self, call: Call, passage: Passage) -> Outcome:
        contract = self.registry.model(call.request.model).contract
        async with self._delivery.room_for(passage) as room:
            with call.attempt(passage) as attempt:
                result = await passage.target.create(passage.request)
                attempt.upstream_request_id = result.upstream_request_id
            delivered = await room.delivered(result, contract)
        call.images = len(delivered.images)
        return Outcome(result=delivered, target=passage.target, attempts=call.attempts, translated=passage.rules)

    @asynccontextmanager
    async def stream(self, request: ImageRequest, *, request_id: str) -> AsyncIterator[Streamed]:
        """Like `run`, with the pictures as they come. Entering waits until a target has taken the request on.

        Another target is asked only before that: afterwards previews may be out already, and be paid for.
        """
        with self._call(self._named(request), request_id).told() as call:
            route = self._route(call)
            for passage in route:
                taken_on = False
                try:
                    with call.attempt(passage):
                        async with passage.target.stream(passage.request) as events:
                            taken_on = True
                            yield Streamed(
                                target=passage.target,
                                attempts=call.attempts,
                                translated=passage.rules,
                                events=call.counting(events),
                            )
                            return
                except ImageError as error:
                    if taken_on or passage is route[-1] or not may_fall_back(error):
                        raise

    def refused(self, operation: Operation, error: ImageError, *, request_id: str) -> None:
        """Tell observers of a call whose body was no request: it never came to `run`."""
        nobody = ImageRequest(operation=operation, model="", params={})
        self._call(nobody, request_id).finished(error)

    def _call(self, request: ImageRequest, request_id: str) -> Call:
        return Call(request, request_id, self._observers, self._clock_s)

    def _named(self, request: ImageRequest) -> ImageRequest:
        if request.model or not self._default_model:
            return request
        return replace(request, model=self._default_model)

    def _route(self, call: Call) -> tuple[Passage, ...]:
        if not call.request.model:
            raise ImageError(
                ErrorCode.INVALID_REQUEST,
                "Missing required parameter: 'model'.",
                param="model",
                upstream_code="missing_required_parameter",
            )
        return self.registry.route(call.request)
