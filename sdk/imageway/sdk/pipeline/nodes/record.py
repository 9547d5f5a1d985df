"""One record on its way through the graph of its task, until a node fails.

A node runs when a way has led to it and nothing that could still lead there is running or about to: branches run side
by side, and where they meet the node runs once.
"""

import asyncio
from collections import Counter

from msgspec import Struct

from imageway.contract.request import JsonValue
from imageway.sdk.pipeline.events import RecordFault
from imageway.sdk.pipeline.graph import END, START
from imageway.sdk.pipeline.nodes.drawing import Halt, Studio
from imageway.sdk.pipeline.nodes.finishing import finished
from imageway.sdk.pipeline.nodes.hooks import TaskCodeError, destination
from imageway.sdk.pipeline.nodes.visit import NodeEnd, Visit, fault_of, visited
from imageway.sdk.pipeline.plan import Node

__all__ = ("Record", "RecordEnd", "draw_record")


class Record(Struct, frozen=True, kw_only=True):
    """A record to be run: its place from 1, its id, its fields, and the file stem of each field that is drawn."""

    position: int
    record_id: str
    fields: dict[str, JsonValue]
    stems: dict[str, str]


class RecordEnd(Struct, frozen=True, kw_only=True):
    """What became of a record: its fields with the answers beside them, and which of them models answered.

    `pictures` were drawn now, `reused` by an earlier run of the same. `made` are the columns that the task's own code
    made of a record that went well.

    With `halt` and without a fault nothing has happened yet, and the record may be run another time.
    """

    state: dict[str, JsonValue]
    drawn: frozenset[str] = frozenset()
    pictures: int = 0
    reused: int = 0
    made: dict[str, JsonValue] = {}
    fault: RecordFault | None = None
    halt: Halt | None = None


async def draw_record(record: Record, studio: Studio) -> RecordEnd:
    """Run *record*. Where a node fails no other is begun, and those beside it are finished: they may be paid for.

    Raises nothing but `CancelledError`.
    """
    return await _Walk(record, studio).run()


class _Walk:
    def __init__(self, record: Record, studio: Studio) -> None:
        self._record = record
        self._studio = studio
        self._graph = studio.graph
        self._nodes = {node.name: node for node in studio.plan.nodes}
        self._state = dict(record.fields)
        self._writers: dict[str, str] = {}
        self._rounds: Counter[str] = Counter()
        self._fills: Counter[str] = Counter()
        self._waiting: set[str] = set()
        self._running: dict[asyncio.Task[NodeEnd], str] = {}
        self._drawn: set[str] = set()
        self._pictures = 0
        self._reused = 0
        self._made: dict[str, JsonValue] = {}
        self._fault: RecordFault | None = None
        self._halt: Halt | None = None

    async def run(self) -> RecordEnd:
        await self._lead(START)
        while self._fault is None and (ready := self._ready()):
            if len(ready) == 1:
                await self._finish(ready[0], await visited(*self._begun(ready[0])))
            else:
                await self._side_by_side()
        if self._fault is None:
            self._made, self._fault = await finished(
                self._record.position, self._record.record_id, self._state, self._studio.plan
            )
        return self._end()

    async def _side_by_side(self) -> None:
        """Run what is ready, and what gets ready meanwhile, until nothing is running."""
        async with asyncio.TaskGroup() as group:
            while True:
                for name in self._ready() if self._fault is None else []:
                    self._running[group.create_task(visited(*self._begun(name)))] = name
                if not self._running:
                    break
                done, _ = await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
                for task in [task for task in self._running if task in done]:
                    await self._finish(self._running.pop(task), task.result())

    def _ready(self) -> list[str]:
        active = self._waiting | set(self._running.values())
        return [
            name
            for name in self._graph.names
            if name in self._waiting and name not in self._running.values() and not self._graph.before(name) & active
        ]

    def _begun(self, name: str) -> tuple[Node, Visit, Studio]:
        self._waiting.discard(name)
        self._rounds[name] += 1
        visit = Visit(
            position=self._record.position,
            record_id=self._record.record_id,
            draw=self._rounds[name],
            state=self._seen_from(name),
            stems=self._record.stems,
            fills=self._fills,
        )
        return self._nodes[name], visit, self._studio

    def _seen_from(self, name: str) -> dict[str, JsonValue]:
        """The state without what nodes beside *name* have written: whether they have already is chance."""
        beside = self._graph.beside(name)
        hidden = {key for key, writer in self._writers.items() if writer in beside}
        if not hidden:
            return dict(self._state)
        own = {key: value for key, value in self._record.fields.items() if key in hidden}
        return {**{key: value for key, value in self._state.items() if key not in hidden}, **own}

    async def _finish(self, name: str, end: NodeEnd) -> None:
        self._state |= end.writes
        self._writers |= dict.fromkeys(end.writes, name)
        self._drawn |= end.drawn
        self._pictures += end.pictures
        self._reused += end.reused
        self._halt = self._halt or end.halt
        if end.fault is not None:
            self._fault = self._fault or end.fault
        else:
            await self._lead(name)

    async def _lead(self, name: str) -> None:
        """Put where the ways from *name* lead among those that wait."""
        for way in self._graph.leaving(name):
            label = next(iter(way.targets))
            if way.condition is not None:
                try:
                    label = await destination(way.condition, self._seen_from(name), way.targets)
                except TaskCodeError as error:
                    self._fail(name, "task_code", str(error))
                    return
            target = way.targets[label]
            if target == END:
                continue
            most = self._studio.plan.max_rounds
            if self._rounds[target] >= most:
                sentence = (
                    f"The node {target} has run {most} times for this record, which is graph_properties.max_rounds."
                )
                self._fail(target, "loop_limit", sentence)
                return
            self._waiting.add(target)

    def _fail(self, name: str, code: str, message: str) -> None:
        fault = fault_of(self._record.position, self._record.record_id, name, code, message)
        self._fault = self._fault or fault

    def _end(self) -> RecordEnd:
        """The end of the record. Where a call wasn't sent it has none yet: what was drawn before is in the journal.

        Where the gateway couldn't be reached, what was drawn before is worth a row.
        """
        cause = None if self._halt is None else self._halt.cause
        unheard = (cause == "unreachable" and not self._drawn) or cause in ("budget", "time", "interrupted")
        return RecordEnd(
            state=self._state,
            drawn=frozenset(self._drawn),
            pictures=self._pictures,
            reused=self._reused,
            made=self._made,
            fault=None if unheard else self._fault,
            halt=self._halt,
        )
