"""What a run would come to before anything is spent: every prompt rendered, every call checked and priced."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

from msgspec import Struct

from imageway.contract.cost import Estimate
from imageway.contract.errors import ImageError, UnsupportedError
from imageway.contract.request import ImageRequest, JsonValue
from imageway.contract.spec import ModelSpec
from imageway.sdk.pipeline.checking.lots import Lots
from imageway.sdk.pipeline.data.row import Row
from imageway.sdk.pipeline.graph import START
from imageway.sdk.pipeline.nodes.parameters import fields_of_params
from imageway.sdk.pipeline.nodes.render import request_of
from imageway.sdk.pipeline.pictures.fixes import fixed
from imageway.sdk.pipeline.pictures.media import Places
from imageway.sdk.pipeline.plan import ImageNode, OnViolation, Plan, TextNode, calls_of, writes_of
from imageway.sdk.pipeline.template import MissingFieldError, fields

__all__ = ("CallForecast", "Earlier", "Forecast", "Refusal", "forecast")

_End: TypeAlias = Literal["to send", "answered", "failed", "refused"]

_AT_ONCE = 16
_TEXT = "x" * 400
_PICTURE = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAAC0lEQVR42mNgAAIAAAUAAen63NgAAAAASUVORK5CYII="
)
"""They stand in for what nodes will answer: a text of 400 characters, a transparent picture."""


class Pricing(Protocol):
    """What a forecast needs of `AsyncClient` and `Tariff`."""

    async def check(self, request: ImageRequest) -> None: ...

    async def estimate(self, request: ImageRequest) -> Estimate | None: ...


class Earlier(Protocol):
    """What is known of an earlier pass of the same run."""

    def ended(self, position: int) -> bool | None:
        """Whether the record there is done; False where a call of it has failed, None where it is to be run."""
        ...

    def is_answered(self, record_id: str, node: str, request: ImageRequest) -> bool | None:
        """Whether this very call was answered; False where it has failed, None where it is to be sent."""
        ...


class CallForecast(Struct, kw_only=True):
    """The calls of one node. `unpriced` of them have no price; `guessed` depend on answers that aren't there yet.

    `sure` is whether every record comes to the node: the least that it may cost is nothing otherwise.
    """

    node: str
    model: str
    sure: bool
    calls: int = 0
    images: int = 0
    unpriced: int = 0
    guessed: int = 0
    approximate: bool = False
    low_usd: Decimal = Decimal()
    high_usd: Decimal = Decimal()


class Refusal(Struct, frozen=True, kw_only=True):
    """A record that would fail before anything of this node is sent, or couldn't be run at all."""

    position: int
    record_id: str
    node: str | None
    message: str


class Forecast(Struct, kw_only=True):
    """A run to be. `done` records are done already, `failed` ones have failed and aren't asked for again by themselves.

    The first `refusals` are told, `refused` counts them; `skipped` ones would be passed over instead, as the task says.
    """

    records: int = 0
    done: int = 0
    failed: int = 0
    refused: int = 0
    skipped: int = 0
    text_calls: int = 0
    calls: list[CallForecast] = []
    refusals: list[Refusal] = []

    @property
    def low_usd(self) -> Decimal:
        return sum((call.low_usd for call in self.calls if call.sure), Decimal())

    @property
    def high_usd(self) -> Decimal:
        return sum((call.high_usd for call in self.calls), Decimal())


_TOLD = 20


async def forecast(
    plan: Plan,
    rows: Iterable[Row],
    pricing: Pricing,
    *,
    specs: Mapping[str, ModelSpec],
    folders: Sequence[Path],
    seed: int = 0,
    earlier: Earlier | None = None,
) -> Forecast:
    """What running *plan* on *rows* would come to, but for what is known from *earlier*.

    Lots are drawn by *seed*, as the run draws them; what nodes will answer is stood in for. Nodes behind a condition
    may not be come to, and each round of a loop beyond the first isn't counted.

    Raises `SourceError`, and `ImageError` where the gateway can't be asked.
    """
    return await _Forecasting(plan, pricing, specs, folders, seed, earlier).run(rows)


class _Forecasting:
    def __init__(
        self,
        plan: Plan,
        pricing: Pricing,
        specs: Mapping[str, ModelSpec],
        folders: Sequence[Path],
        seed: int,
        earlier: Earlier | None,
    ) -> None:
        self._plan = plan
        self._pricing = pricing
        self._specs = specs
        self._places = Places(folders=tuple(folders), allowed_hosts=frozenset(plan.allowed_hosts))
        self._earlier = earlier
        sure = _sure(plan)
        self._lots = Lots(plan, sure=sure, seed=seed)
        self._nodes = [(node.name, call) for node in plan.nodes for call in calls_of(node)]
        self._made = _made(plan)
        self._told = Forecast(
            calls=[
                CallForecast(node=call.name, model=call.model, sure=name in sure)
                for name, call in self._nodes
                if isinstance(call, ImageNode)
            ]
        )

    async def run(self, rows: Iterable[Row]) -> Forecast:
        upcoming = iter(rows)
        while batch := await asyncio.to_thread(lambda: [*islice(upcoming, _AT_ONCE)]):
            for row in batch:
                self._told.records += 1
                if row.fault is not None:
                    self._refuse(row, None, row.fault.message)
            await asyncio.gather(*(self._record(row) for row in batch if row.fault is None))
        self._told.refusals.sort(key=lambda refusal: refusal.position)
        return self._told

    async def _record(self, row: Row) -> None:
        state: dict[str, JsonValue] = {**self._made, "id": row.record_id, **row.fields}
        ended = None if self._earlier is None else self._earlier.ended(row.position)
        told = iter(self._told.calls)
        ends: set[_End] = set()
        for name, node in self._nodes:
            if isinstance(node, TextNode):
                self._told.text_calls += ended is None
                ends |= {"to send"} if ended is None else set()
                continue
            end = await self._call(row, node, state, self._lots.found(name, row), next(told), ended=ended)
            ends.add(end)
            if end == "refused":
                return
            if end == "to send":  # the record isn't as it was, or another one: what follows is new, too
                ended = None
            if end == "failed":
                ended = False
                break
        if ended is False:
            self._told.failed += 1
        elif ended or ends == {"answered"}:
            self._told.done += 1

    async def _call(
        self,
        row: Row,
        node: ImageNode,
        state: Mapping[str, JsonValue],
        lots: Mapping[str, JsonValue],
        told: CallForecast,
        *,
        ended: bool | None,
    ) -> _End:
        """Add a call to what is told, if it is to be sent. It finds *lots* over the *state*.

        *ended* is what is known of its record, as in `Earlier`.
        """
        known = row.fields.keys() | lots.keys()
        guessed = node.before is not None or any(name in self._made and name not in known for name in _needed(node))
        if guessed and ended is not None:
            return "answered"
        passed_by = ended is not None and not told.sure  # the record has ended without having come here
        try:
            request = await asyncio.to_thread(
                request_of, node, {**state, **lots}, places=self._places, spec=self._specs.get(node.model)
            )
            if not guessed:
                request = await self._admitted(node, request)
        except (MissingFieldError, ImageError) as error:
            if guessed:
                told.calls, told.unpriced, told.guessed = told.calls + 1, told.unpriced + 1, told.guessed + 1
                return "to send"
            if passed_by:
                return "answered"
            if isinstance(error, UnsupportedError) and self._on_violation(node) == "skip":
                self._told.skipped += 1
            else:
                self._refuse(row, node.name, error.message if isinstance(error, ImageError) else str(error))
            return "refused"
        if self._earlier is not None and not guessed:
            answered = await asyncio.to_thread(self._earlier.is_answered, row.record_id, node.name, request)
            if answered is not None:
                return "answered" if answered else "failed"
            if passed_by:
                return "answered"
        told.calls, told.images, told.guessed = told.calls + 1, told.images + request.n, told.guessed + guessed
        estimate = await self._pricing.estimate(request)
        if estimate is None:
            told.unpriced += 1
            return "to send"
        told.low_usd += estimate.low_usd
        told.high_usd += estimate.high_usd
        told.approximate = told.approximate or estimate.approximate or guessed
        return "to send"

    async def _admitted(self, node: ImageNode, request: ImageRequest) -> ImageRequest:
        """The request as it would be sent: mended where the task says so."""
        try:
            await self._pricing.check(request)
        except UnsupportedError:
            spec = self._specs.get(request.model)
            if self._on_violation(node) != "fix" or spec is None:
                raise
            request, _ = await asyncio.to_thread(fixed, request, spec)
            await self._pricing.check(request)
        return request

    def _on_violation(self, node: ImageNode) -> OnViolation:
        return node.on_violation or self._plan.on_violation

    def _refuse(self, row: Row, node: str | None, message: str) -> None:
        self._told.refused += 1
        if len(self._told.refusals) < _TOLD:
            self._told.refusals.append(
                Refusal(position=row.position, record_id=row.record_id, node=node, message=message)
            )


def _needed(node: ImageNode) -> Iterator[str]:
    for part in node.parts:
        yield from fields(part.template)
    yield from (name for _, name in fields_of_params(node.params))


def _made(plan: Plan) -> dict[str, JsonValue]:
    """What stands in for each field that a node fills."""
    made: dict[str, JsonValue] = {}
    for node in plan.nodes:
        calls = [*calls_of(node)]
        drawn = any(isinstance(call, ImageNode) for call in calls)
        made |= dict.fromkeys(writes_of(node), _PICTURE if drawn else _TEXT)
        for call in calls:
            n = call.params.get("n")
            if isinstance(call, ImageNode) and isinstance(n, int) and 1 < n <= 16:
                made[call.output_key] = [_PICTURE] * n
    return made


def _sure(plan: Plan) -> frozenset[str]:
    """The nodes that every record comes to: ways without a condition lead there."""
    if not plan.ways:
        return frozenset(node.name for node in plan.nodes)
    sure, waiting = {START}, [START]
    while waiting:
        source = waiting.pop()
        for way in plan.ways:
            target = next(iter(way.targets.values()))
            if way.source == source and way.condition is None and target not in sure:
                sure.add(target)
                waiting.append(target)
    return frozenset(sure)
