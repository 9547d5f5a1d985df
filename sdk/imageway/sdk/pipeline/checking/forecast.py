"""What a run would come to before anything is spent: every prompt rendered, every call checked and priced."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from imageway.contract.cost import Estimate
from imageway.contract.errors import ImageError
from imageway.contract.request import ImageRequest, JsonValue
from imageway.contract.spec import ModelSpec
from imageway.sdk.pipeline.data.row import Row
from imageway.sdk.pipeline.graph import START
from imageway.sdk.pipeline.nodes.parameters import fields_of_params
from imageway.sdk.pipeline.nodes.render import request_of
from imageway.sdk.pipeline.pictures.media import Places
from imageway.sdk.pipeline.plan import ImageNode, Plan, TextNode, calls_of, writes_of
from imageway.sdk.pipeline.template import MissingFieldError, fields

__all__ = ("CallForecast", "Forecast", "Refusal", "forecast")

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
    """A run to be. `done` records have their outcome already; the first `refusals` are told, `refused` counts them."""

    records: int = 0
    done: int = 0
    refused: int = 0
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
    done: frozenset[int] = frozenset(),
) -> Forecast:
    """What running *plan* on *rows* would come to; *done* are the positions of records that need nothing any more.

    What nodes will answer is stood in for. Nodes behind a condition may not be come to, and each round of a loop beyond
    the first isn't counted. Raises `SourceError`, and `ImageError` where the gateway can't be asked.
    """
    return await _Forecasting(plan, pricing, specs, folders, done).run(rows)


class _Forecasting:
    def __init__(
        self,
        plan: Plan,
        pricing: Pricing,
        specs: Mapping[str, ModelSpec],
        folders: Sequence[Path],
        done: frozenset[int],
    ) -> None:
        self._plan = plan
        self._pricing = pricing
        self._specs = specs
        self._places = Places(folders=tuple(folders), allowed_hosts=frozenset(plan.allowed_hosts))
        self._done = done
        sure = _sure(plan)
        self._nodes = [(node.name in sure, call) for node in plan.nodes for call in calls_of(node)]
        self._made = _made(plan)
        self._told = Forecast(
            calls=[
                CallForecast(node=call.name, model=call.model, sure=sure)
                for sure, call in self._nodes
                if isinstance(call, ImageNode)
            ]
        )

    async def run(self, rows: Iterable[Row]) -> Forecast:
        upcoming = iter(rows)
        while batch := await asyncio.to_thread(lambda: [*islice(upcoming, _AT_ONCE)]):
            for row in batch:
                self._told.records += 1
                if row.position in self._done:
                    self._told.done += 1
                elif row.fault is not None:
                    self._refuse(row, None, row.fault.message)
            open_rows = [row for row in batch if row.fault is None and row.position not in self._done]
            await asyncio.gather(*map(self._record, open_rows))
        self._told.refusals.sort(key=lambda refusal: refusal.position)
        return self._told

    async def _record(self, row: Row) -> None:
        state: dict[str, JsonValue] = {**self._made, "id": row.record_id, **row.fields}
        told = iter(self._told.calls)
        for _, node in self._nodes:
            if isinstance(node, TextNode):
                self._told.text_calls += 1
            elif not await self._call(row, node, state, next(told)):
                return

    async def _call(self, row: Row, node: ImageNode, state: Mapping[str, JsonValue], told: CallForecast) -> bool:
        """Add a call to what is told; False where it would be refused."""
        guessed = node.before is not None or any(
            name in self._made and name not in row.fields for name in _needed(node)
        )
        try:
            request = await asyncio.to_thread(
                request_of, node, state, places=self._places, spec=self._specs.get(node.model)
            )
            if not guessed:
                await self._pricing.check(request)
        except (MissingFieldError, ImageError) as error:
            if guessed:
                told.calls, told.unpriced, told.guessed = told.calls + 1, told.unpriced + 1, told.guessed + 1
                return True
            self._refuse(row, node.name, error.message if isinstance(error, ImageError) else str(error))
            return False
        told.calls, told.images, told.guessed = told.calls + 1, told.images + request.n, told.guessed + guessed
        estimate = await self._pricing.estimate(request)
        if estimate is None:
            told.unpriced += 1
            return True
        told.low_usd += estimate.low_usd
        told.high_usd += estimate.high_usd
        told.approximate = told.approximate or estimate.approximate or guessed
        return True

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
