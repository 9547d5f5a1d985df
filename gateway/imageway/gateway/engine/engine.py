"""One request from check to answer: route, attempt, fall back, observe."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from time import perf_counter

from msgspec import Struct

from imageway.contract.cost import Estimate
from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.request import ImageRequest, Operation
from imageway.contract.result import ImageResult
from imageway.contract.stream import ImageEvent
from imageway.gateway.access.admission import Admission, Ticket
from imageway.gateway.access.callers import Caller
from imageway.gateway.access.keyring import ANYONE, KeySettings
from imageway.gateway.access.rates import Rates
from imageway.gateway.access.sqlite_budgets import SqliteBudgets
from imageway.gateway.engine.call import Call
from imageway.gateway.engine.delivery import Delivery
from imageway.gateway.engine.events import Observer, RequestReplayed
from imageway.gateway.engine.observers import Observers
from imageway.gateway.engine.policy import may_fall_back
from imageway.gateway.engine.pricing import cost_of, estimate_of
from imageway.providers.registry import Passage, Registry, Target

__all__ = ("Engine", "Foresight", "Outcome", "Streamed")


class Outcome(Struct, frozen=True, kw_only=True):
    """Pictures, and how they came about.

    `translated` names the rules by which the request was changed on the way, `cost_usd` is None where nobody knows it,
    and `limits` are headers that tell the state of the caller's limits.
    """

    result: ImageResult
    target: Target
    attempts: int
    translated: tuple[str, ...] = ()
    cost_usd: Decimal | None = None
    limits: Mapping[str, str] = {}


class Streamed(Struct, frozen=True, kw_only=True):
    """A request that *target* has taken on; `events` raises `ImageError` where it ends without its picture."""

    events: AsyncIterator[ImageEvent]
    target: Target
    attempts: int
    translated: tuple[str, ...] = ()
    cost_usd: Decimal | None = None
    limits: Mapping[str, str] = {}


class Foresight(Struct, frozen=True, kw_only=True):
    """What a request would come to: the way that it would take first, and bounds of its cost where there are prices."""

    passage: Passage
    estimate: Estimate | None


class Engine:
    """The road from a request to its pictures. `clock_s` counts seconds, from anywhere."""

    def __init__(
        self,
        registry: Registry,
        *,
        admission: Admission | None = None,
        delivery: Delivery | None = None,
        observers: Sequence[Observer] = (),
        clock_s: Callable[[], float] = perf_counter,
    ) -> None:
        self._anyone = Caller(key=ANYONE, registry=registry)
        self._admission = admission or Admission(Rates(), SqliteBudgets(None))
        self._delivery = delivery or Delivery(None)
        self._observers = Observers(observers)
        self._clock_s = clock_s

    async def run(
        self,
        request: ImageRequest,
        *,
        request_id: str,
        caller: Caller | None = None,
        before_sending: Callable[[], Awaitable[None]] | None = None,
    ) -> Outcome:
        """Have *request* drawn. Raises `ImageError`; its `UnsupportedError` means that nothing was sent.

        *before_sending* is awaited before each target is asked; what it raises ends the call.
        """
        caller = caller or self._anyone
        with self._call(request, request_id, caller.key).told() as call:
            *others, last = route = self._route(call.request, caller)
            call.keyed, estimate = before_sending is not None, estimate_of(route)
            call.estimated_usd = None if estimate is None else estimate.high_usd
            async with self._admission.entering(caller.key, call.request.n, estimate) as ticket:
                for passage in others:
                    try:
                        return await self._drawn(call, passage, caller, ticket, before_sending)
                    except ImageError as error:
                        if not may_fall_back(error):
                            raise
                return await self._drawn(call, last, caller, ticket, before_sending)

    async def _drawn(
        self,
        call: Call,
        passage: Passage,
        caller: Caller,
        ticket: Ticket,
        before_sending: Callable[[], Awaitable[None]] | None,
    ) -> Outcome:
        contract = caller.registry.model(call.request.model).contract
        async with self._delivery.room_for(passage) as room:
            if before_sending is not None:
                await before_sending()
            ticket.sent = True
            with call.attempt(passage) as attempt:
                result = await passage.target.create(passage.request)
                attempt.upstream_request_id = result.upstream_request_id
            call.usage = result.usage
            call.cost_usd = cost_of(passage, result.usage, len(result.images))
            ticket.came_to(call.cost_usd)
            delivered = await room.delivered(result, contract)
        call.images = len(delivered.images)
        return Outcome(
            result=delivered,
            target=passage.target,
            attempts=call.attempts,
            translated=passage.rules,
            cost_usd=call.cost_usd,
            limits=ticket.headers,
        )

    @asynccontextmanager
    async def stream(
        self,
        request: ImageRequest,
        *,
        request_id: str,
        caller: Caller | None = None,
        before_sending: Callable[[], Awaitable[None]] | None = None,
    ) -> AsyncIterator[Streamed]:
        """Like `run`, with the pictures as they come. Entering waits until a target has taken the request on.

        Another target is asked only before that: afterwards previews may be out already, and be paid for.
        """
        caller = caller or self._anyone
        with self._call(request, request_id, caller.key).told() as call:
            route = self._route(call.request, caller)
            call.keyed, estimate = before_sending is not None, estimate_of(route)
            call.estimated_usd = None if estimate is None else estimate.high_usd
            async with self._admission.entering(caller.key, call.request.n, estimate) as ticket:
                for passage in route:
                    taken_on = False
                    if before_sending is not None:
                        await before_sending()
                    ticket.sent = True
                    try:
                        with call.attempt(passage):
                            async with passage.target.stream(passage.request) as events:
                                taken_on = True
                                yield Streamed(
                                    target=passage.target,
                                    attempts=call.attempts,
                                    translated=passage.rules,
                                    limits=ticket.headers,
                                    events=call.counting(events),
                                )
                                if call.images:
                                    call.cost_usd = cost_of(passage, call.usage, call.images)
                                    ticket.came_to(call.cost_usd)
                                return
                    except ImageError as error:
                        error.may_have_billed = error.may_have_billed or call.images > 0
                        if taken_on or passage is route[-1] or not may_fall_back(error):
                            raise

    def foresee(self, request: ImageRequest, *, caller: Caller | None = None) -> Foresight:
        """What would become of *request*; nothing is sent or counted. Raises the `ImageError` that `run` would."""
        caller = caller or self._anyone
        route = self._route(request, caller)
        return Foresight(passage=route[0], estimate=estimate_of(route))

    def refused(
        self,
        operation: Operation,
        error: ImageError,
        *,
        request_id: str,
        caller: Caller | None = None,
        keyed: ImageRequest | None = None,
    ) -> None:
        """Tell observers of a call that never came to `run`: its body was no request, its caller nobody, or, for a
        *keyed* request, what became of its key stood in the way.
        """
        nobody = ImageRequest(operation=operation, model="", params={})
        call = self._call(keyed or nobody, request_id, (caller or self._anyone).key)
        call.keyed = keyed is not None
        call.finished(error)

    def replayed(self, request: ImageRequest, *, request_id: str, caller: Caller, joined: bool) -> None:
        """Tell observers of a call that was answered without coming to `run`, with what another one had drawn."""
        event = RequestReplayed(
            request_id=request_id, operation=request.operation, model=request.model, key=caller.key.name, joined=joined
        )
        self._observers.tell(lambda observer: observer.request_replayed(event))

    def _call(self, request: ImageRequest, request_id: str, key: KeySettings) -> Call:
        return Call(request, request_id, key.name, self._observers, self._clock_s)

    def _route(self, request: ImageRequest, caller: Caller) -> tuple[Passage, ...]:
        if not request.model:
            raise ImageError(
                ErrorCode.INVALID_REQUEST,
                "Missing required parameter: 'model'.",
                param="model",
                upstream_code="missing_required_parameter",
            )
        return caller.registry.route(request)
