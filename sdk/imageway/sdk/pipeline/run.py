"""Runs a plan over its records: a fixed number at a time, rows in the order of the input, nothing paid for lost."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from imageway.contract.request import JsonValue
from imageway.sdk.pipeline.drawing import DrawingClient, Halt, Studio
from imageway.sdk.pipeline.events import (
    FailureGroup,
    Listener,
    Noted,
    RecordFault,
    RecordFinished,
    RunStarted,
    RunSummary,
    as_json,
)
from imageway.sdk.pipeline.journal import open_journal
from imageway.sdk.pipeline.lock import run_lock
from imageway.sdk.pipeline.names import FileNames
from imageway.sdk.pipeline.plan import Plan
from imageway.sdk.pipeline.record import Record, RecordEnd, draw_record
from imageway.sdk.pipeline.rows import absent_sources, row
from imageway.sdk.pipeline.sink import picture_folder, write_errors, write_output
from imageway.sdk.pipeline.source import RecordId, read_records, record_ids

__all__ = ("run_plan",)

_Stopped = Literal["interrupted", "unreachable", "storage"]


async def run_plan(
    plan: Plan,
    client: DrawingClient,
    *,
    output: Path,
    on_event: Listener,
    concurrency: int = 8,
    limit: int | None = None,
    stop: asyncio.Event | None = None,
    drawer: str = "",
    replace: bool = False,
    anew: bool = False,
) -> RunSummary:
    """Run *plan* on its records, the first *limit* of them, into the folder *output*; *concurrency* at a time.

    When *stop* is set, or the gateway can't be reached, no record is begun any more, those in flight are finished, and
    what is done is written. That is also written when the call is cancelled, which gives up what is in flight.

    What an earlier run into *output* was answered by the same *drawer* (who draws, in any words) is taken from there
    and not sent again, unless *anew*. A record whose picture's name is taken by another call's picture fails before it
    is sent, unless *replace* (or *anew*).

    Raises `JournalError`, `SourceError` for a data file that can't be used, `RunLockedError`, `OSError` where *output*
    can't be written, and `ImageError` where the gateway doesn't tell its models; all before the first record.
    """
    with run_lock(output), open_journal(output, drawer, replacing=anew) as journal:
        records = await asyncio.to_thread(read_records, plan.data)
        specs = await client.models()
        studio = Studio(
            client=client,
            nodes=plan.nodes,
            specs=specs,
            picture_folder=picture_folder(output),
            input_folders=(plan.data.path.absolute().parent, Path.cwd()),
            journal=journal,
            replace=replace,
        )
        run = _Run(plan, studio, records[:limit], on_event, stop or asyncio.Event())
        for note in plan.notes:
            on_event(Noted(message=note))
        on_event(RunStarted(total=len(run.ends)))
        try:
            await run.work(concurrency)
        finally:
            paths = run.write(output)
        return run.summary(*paths)


class _Run:
    def __init__(
        self,
        plan: Plan,
        studio: Studio,
        records: list[dict[str, JsonValue]],
        on_event: Listener,
        stop: asyncio.Event,
    ) -> None:
        self._plan = plan
        self._studio = studio
        self._on_event = on_event
        self._stop = stop
        self._ids = record_ids(records, plan.id_column)
        self._waiting = self._records(records)
        self._halt: Halt | None = None
        self._done = 0
        self.ends: list[RecordEnd | None] = [None] * len(records)

    async def work(self, concurrency: int) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(max(concurrency, 1), len(self.ends))):
                group.create_task(self._worker())

    def write(self, output: Path) -> tuple[Path, Path | None]:
        """Write what is finished, and say which columns stayed empty."""
        ends = [end for end in self.ends if end is not None]
        for column in absent_sources(self._plan, ends):
            self._on_event(Noted(message=f"column '{column.name}': some records have no '{column.source}'; null there"))
        faults = [end.fault for end in ends if end.fault is not None]
        errors = write_errors(output, map(as_json, faults))
        return write_output(output, (row(self._plan, end) for end in ends)), errors

    def summary(self, output: Path, errors: Path | None) -> RunSummary:
        ends = [end for end in self.ends if end is not None]
        faults = [end.fault for end in ends if end.fault is not None]
        unfinished = len(self.ends) - len(ends)
        stopped, reason = self._ending(unfinished)
        return RunSummary(
            total=len(self.ends),
            succeeded=len(ends) - len(faults),
            failed=len(faults),
            unfinished=unfinished,
            pictures=sum(end.pictures for end in ends),
            reused=sum(end.reused for end in ends),
            output=output,
            errors=errors,
            failures=tuple(_grouped(faults)),
            stopped=stopped,
            reason=reason,
        )

    def _ending(self, unfinished: int) -> tuple[_Stopped | None, str]:
        if self._halt is not None:
            return self._halt.cause, self._halt.reason
        if self._stop.is_set() and unfinished:
            return "interrupted", "Interrupted: what was in flight has been finished."
        return None, ""

    async def _worker(self) -> None:
        for record, found in self._waiting:
            end = await self._ended(record, found)
            if end.halt is not None and self._halt is None:
                self._halt = end.halt
            if end.halt is None or end.fault is not None:
                self._finish(record, end)
            if self._halt is not None or self._stop.is_set():
                return

    async def _ended(self, record: Record, found: RecordId) -> RecordEnd:
        if found.fault is None:
            return await draw_record(record, self._studio)
        fault = RecordFault(
            position=record.position, record_id=record.record_id, code="invalid_id", message=found.fault, param="id"
        )
        return RecordEnd(state=record.fields, fault=fault)

    def _finish(self, record: Record, end: RecordEnd) -> None:
        self.ends[record.position - 1] = end
        self._done += 1
        self._on_event(
            RecordFinished(
                record_id=record.record_id,
                done=self._done,
                total=len(self.ends),
                pictures=end.pictures,
                fault=end.fault,
            )
        )

    def _records(self, records: list[dict[str, JsonValue]]) -> Iterator[tuple[Record, RecordId]]:
        """The records with their file names, which are theirs whatever order they are finished in."""
        names = FileNames()
        id_column = self._plan.id_column
        for position, (read, found) in enumerate(zip(records, self._ids, strict=True), start=1):
            own = read.get(id_column or "id")
            fields = {**read, "id": found.text if own is None else own}
            stems = {}
            if found.fault is None:
                stems = {node.output_key: names.stem(found.text, node.output_key) for node in self._plan.nodes}
            yield Record(position=position, record_id=found.text, fields=fields, stems=stems), found


def _grouped(faults: list[RecordFault]) -> Iterator[FailureGroup]:
    for code, count in Counter(fault.code for fault in faults).most_common():
        first = next(fault for fault in faults if fault.code == code)
        yield FailureGroup(code=code, count=count, first_id=first.record_id, first_message=first.message)
