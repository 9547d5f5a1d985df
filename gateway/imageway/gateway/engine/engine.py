"""One request from check to answer: route, attempt, fall back, observe."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
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
from imageway.gateway.engine.order import drawn_order, usual_order
from imageway.gateway.engine.patience import UNHURRIED, Deadline, Patience
from imageway.gateway.engine.pricing import cost_of, estimate_of, most_of
from imageway.gateway.engine.pursuit import Pursuit, Sleep, Turn
from imageway.gateway.engine.traffic import Busy, Traffic
from imageway.providers.registry import Passage, Registry, Target

__all__ = ("Engine", "Foresight", "Outcome", "Prospect", "Streamed")


class Outcome(Struct, frozen=True, kw_only=True):
    """Pictures, and how they came about.

    `translated` names the rules by which the request was changed on the way, `cost_usd` is None where nobody knows it,
    and `limits` are headers that tell the state of the caller's limits. `missing_images` were asked for and not drawn;
    `seconds` is how long it took.
    """

    result: ImageResult
    target: Target
    attempts: int
    translated: tuple[str, ...] = ()
    cost_usd: Decimal | None = None
    limits: Mapping[str, str] = {}
    missing_images: int = 0
    seconds: float = 0.0


class Streamed(Struct, frozen=True, kw_only=True):
    """A request that *target* has taken on; `events` raises `ImageError` where it ends without its picture."""

    events: AsyncIterator[ImageEvent]
    target: Target
    attempts: int
    translated: tuple[str, ...] = ()
    cost_usd: Decimal | None = None
    limits: Mapping[str, str] = {}
    missing_images: int = 0
    seconds: float = 0.0


class Prospect(Struct, frozen=True, kw_only=True):
    """A target that a request may go to, and why it couldn't be asked now, if so."""

    passage: Passage
    busy: Busy | None


class Foresight(Struct, frozen=True, kw_only=True):
    """What a request would come to: its targets in the usual order, and bounds of its cost where there are prices."""

    prospects: tuple[Prospect, ...]
    estimate: Estimate | None

    @property
    def first(self) -> Passage:
        """The way that would be taken first; where all are busy, the one that is preferred."""
        free = (prospect.passage for prospect in self.prospects if prospect.busy is None)
        return next(free, self.prospects[0].passage)


class Engine:
    """The road from a request to its pictures. `clock_s` counts seconds, from anywhere; no call takes `longest_call_s`.

    `traffic` is what is known of the targets; give another engine's to one that takes over from it. `draw` gives
    random numbers from 0 up to 1.
    """

    def __init__(
        self,
        registry: Registry,
        *,
        admission: Admission | None = None,
        delivery: Delivery | None = None,
        observers: Sequence[Observer] = (),
        traffic: Traffic | None = None,
        longest_call_s: float = 900.0,
        clock_s: Callable[[], float] = perf_counter,
        sleep: Sleep = asyncio.sleep,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._anyone = Caller(key=ANYONE, registry=registry)
        self._admission = admission or Admission(Rates(), SqliteBudgets(None))
        self._delivery = delivery or Delivery(None)
        self._observers = Observers(observers)
        self.traffic = traffic or Traffic(self._observers, clock_s)
        self._longest_call_s = longest_call_s
        self._clock_s = clock_s
        self._sleep = sleep
        self._draw = draw

    async def run(
        self,
        request: ImageRequest,
        *,
        request_id: str,
        caller: Caller | None = None,
        patience: Patience = UNHURRIED,
        before_sending: Callable[[], Awaitable[None]] | None = None,
    ) -> Outcome:
        """Have *request* drawn. Raises `ImageError`; its `UnsupportedError` means that nothing was sent.

        The upstream call is given up when *patience* is over. *before_sending* is awaited before each target is asked;
        what it raises ends the call.
        """
        caller = caller or self._anyone
        with self._call(request, request_id, caller.key) as call:
            call.keyed = before_sending is not None
            deadline = Deadline(patience.shortest_s, self._longest_call_s, self._clock_s)
            pursuit, estimate = self._begun(call, caller, deadline)
            async with self._admission.entering(caller.key, request.n, estimate) as ticket:
                try:
                    while True:
                        with await pursuit.turn() as turn:
                            return await self._drawn(call, turn, deadline, caller, ticket, before_sending)
                finally:
                    _settle(ticket, pursuit, estimate)

    async def _drawn(
        self,
        call: Call,
        turn: Turn,
        deadline: Deadline,
        caller: Caller,
        ticket: Ticket,
        before_sending: Callable[[], Awaitable[None]] | None,
    ) -> Outcome:
        passage = turn.passage
        contract = caller.registry.model(call.request.model).contract
        async with self._delivery.room_for(passage) as room:
            if before_sending is not None:
                await before_sending()
            with turn.asking() as attempt:
                result = await deadline.bounding(passage.create(room.store))
                attempt.upstream_request_id = result.upstream_request_id
            call.usage = result.usage
            call.cost_usd = cost_of(passage, result.usage, len(result.images))
            ticket.came_to(call.cost_usd)
            delivered = await room.delivered(result, contract)
        call.images = len(delivered.images)
        call.image_bytes = sum(image.size_bytes for image in delivered.images)
        return Outcome(
            result=delivered,
            target=passage.target,
            attempts=call.attempts,
            translated=passage.rules,
            cost_usd=call.cost_usd,
            limits=ticket.headers,
            missing_images=max(0, call.request.n - call.images),
            seconds=call.seconds,
        )

    @asynccontextmanager
    async def stream(
        self,
        request: ImageRequest,
        *,
        request_id: str,
        caller: Caller | None = None,
        patience: Patience = UNHURRIED,
        before_sending: Callable[[], Awaitable[None]] | None = None,
    ) -> AsyncIterator[Streamed]:
        """Like `run`, with the pictures as they come. Entering waits until a target has taken the request on.

        Another target is asked only before that: afterwards previews may be out already, and be paid for.
        """
        caller = caller or self._anyone
        with self._call(request, request_id, caller.key) as call:
            call.keyed = before_sending is not None
            whole = Deadline(patience.whole_s, self._longest_call_s, self._clock_s)
            beginning = Deadline(patience.shortest_s, self._longest_call_s, self._clock_s)
            pursuit, estimate = self._begun(call, caller, beginning)
            async with self._admission.entering(caller.key, request.n, estimate) as ticket:
                try:
                    while True:
                        with await pursuit.turn() as turn:
                            if before_sending is not None:
                                await before_sending()
                            passage = turn.passage
                            with turn.asking():
                                async with AsyncExitStack() as stack:
                                    streaming = passage.target.stream(passage.request)
                                    events = await beginning.bounding(stack.enter_async_context(streaming))
                                    turn.taken_on = True
                                    yield Streamed(
                                        target=passage.target,
                                        attempts=call.attempts,
                                        translated=passage.rules,
                                        limits=ticket.headers,
                                        events=call.counting(whole.bounded(events)),
                                        seconds=call.seconds,
                                    )
                                    if call.images:
                                        call.cost_usd = cost_of(passage, call.usage, call.images)
                                        ticket.came_to(call.cost_usd)
                                    return
                finally:
                    _settle(ticket, pursuit, estimate)

    def _begun(self, call: Call, caller: Caller, deadline: Deadline) -> tuple[Pursuit, Estimate | None]:
        """The way of *call* over the targets that may serve it, and what that may cost."""
        route = self._route(call.request, caller)
        pursuit = Pursuit(
            call,
            drawn_order(route, self._draw),
            caller.registry.model(call.request.model).retry,
            self.traffic,
            deadline,
            sleep=self._sleep,
            random=self._draw,
        )
        estimate = estimate_of(route)
        call.estimated_usd = None if estimate is None else estimate.high_usd
        return pursuit, estimate

    def foresee(self, request: ImageRequest, *, caller: Caller | None = None) -> Foresight:
        """What would become of *request*; nothing is sent or counted. Raises the `ImageError` that `run` would."""
        caller = caller or self._anyone
        route = self._route(request, caller)
        return Foresight(
            prospects=tuple(
                Prospect(passage=passage, busy=self.traffic.busy(passage.target, request.n))
                for passage in usual_order(route)
            ),
            estimate=estimate_of(route),
        )

    def unserved(self) -> tuple[str, ...]:
        """The models that nobody can have drawn by now, because all their targets are left alone for a while."""
        return self.traffic.unserved(self._anyone.registry)

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
        caller = caller or self._anyone
        told = keyed
        if told is None or told.model not in caller.registry.contracts:
            told = ImageRequest(operation=operation, model="", params={})  # what a caller made up isn't logged
        call = self._call(told, request_id, caller.key)
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


def _settle(ticket: Ticket, pursuit: Pursuit, estimate: Estimate | None) -> None:
    """Note on *ticket* what the call came to, whose *pursuit* is over."""
    pursuit.close()
    ticket.sent = pursuit.answered or bool(pursuit.doubtful)
    if pursuit.doubtful and estimate is not None:
        call = pursuit.call
        answered = estimate.high_usd if call.cost_usd is None else call.cost_usd
        ticket.came_to(most_of(pursuit.doubtful) + (answered if pursuit.answered else 0))
