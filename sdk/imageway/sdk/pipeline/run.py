"""Runs a plan over its records: a fixed number at a time, outcomes in the journal, nothing paid for lost."""

import asyncio
from contextlib import AsyncExitStack
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Literal

import msgspec

from imageway.sdk.pipeline.chat import Chats
from imageway.sdk.pipeline.data.kinds import Selection
from imageway.sdk.pipeline.data.row import Row, SourceError
from imageway.sdk.pipeline.data.source import Source, open_source
from imageway.sdk.pipeline.drawing import Cause, DrawingClient, Halt, Studio
from imageway.sdk.pipeline.events import Listener, Noted, RecordFault, RecordFinished, RunStarted, RunSummary
from imageway.sdk.pipeline.graph import Graph
from imageway.sdk.pipeline.image_folder import write_metadata
from imageway.sdk.pipeline.journal import Journal, JournalError, open_journal
from imageway.sdk.pipeline.lock import run_lock
from imageway.sdk.pipeline.outcomes import Outcome
from imageway.sdk.pipeline.output_file import write_output
from imageway.sdk.pipeline.plan import Plan
from imageway.sdk.pipeline.record import Record, RecordEnd, draw_record
from imageway.sdk.pipeline.rows import absent_sources, row
from imageway.sdk.pipeline.run_view import open_run
from imageway.sdk.pipeline.sidecars import write_sidecars
from imageway.sdk.pipeline.sink import picture_folder, write_errors

__all__ = ("Writing", "run_plan")

_AHEAD = 16


class Writing(msgspec.Struct, frozen=True, kw_only=True):
    """What is written of the outcomes, and how. `file` is relative to the output folder; its ending says its kind."""

    file: Path = Path("output.json")
    relative_paths: bool = False
    sidecars: bool = False


_DEFAULT = Writing()


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
    fresh: bool = False,
    retry_failed: bool = False,
    retry_unknown: bool = False,
    seed: int = 0,
    writing: Writing = _DEFAULT,
) -> RunSummary:
    """Run *plan* on its records, the first *limit* of them, into the folder *output*; *concurrency* at a time.

    When *stop* is set, or the gateway can't be reached, no record is begun any more, those in flight are finished, and
    what is done is written. That is also written when the call is cancelled, which gives up what is in flight.

    What an earlier run into *output* was answered by the same *drawer* (who draws, in any words) is taken from there
    and not sent again, nor is what failed, unless *retry_failed*, or *retry_unknown* where it may have been paid for.
    With *fresh* or *anew* everything is drawn again: beside the earlier pictures, or in their places. A record whose
    picture's name is taken by a picture of unknown origin fails before it is sent, unless *replace*. Lots are drawn by
    *seed*.

    Raises `JournalError`, `SourceError` for data that can't be used, `RunLockedError`, `OSError` where *output* can't
    be written, and `ImageError` where the gateway doesn't tell its models; all before the first record.
    """
    async with AsyncExitStack() as stack:
        stack.enter_context(run_lock(output))
        opened = open_journal(
            output, drawer, replacing=anew, fresh=fresh, task=str(plan.folder.absolute()), plan=_digest(plan)
        )
        journal = stack.enter_context(opened)
        source = stack.enter_context(open_source(plan.data, id_column=plan.id_column, selection=Selection(last=limit)))
        studio = Studio(
            client=client,
            plan=plan,
            graph=Graph.of(plan),
            specs=await client.models(),
            picture_folder=picture_folder(output),
            input_folders=(*source.folders, plan.folder, Path.cwd()),
            journal=journal,
            chats=await stack.enter_async_context(Chats()),
            replace=replace,
            retry_failed=retry_failed,
            retry_unknown=retry_unknown,
            seed=seed,
        )
        feed = _Feed(plan, source, journal)
        await feed.fill()
        run = _Run(plan, studio, feed, on_event, stop or asyncio.Event(), limit)
        for note in plan.notes:
            on_event(Noted(message=note))
        on_event(RunStarted(total=source.count))
        try:
            await run.work(concurrency)
        finally:
            paths = run.write(writing)
        return run.summary(*paths)


class _Feed:
    """The records in their order, read a few at a time, with the names of their files."""

    def __init__(self, plan: Plan, source: Source, journal: Journal) -> None:
        self._plan = plan
        self._rows = iter(source)
        self._journal = journal
        self._fields = tuple(dict.fromkeys(node.output_key for node in plan.image_nodes))
        self._ready: list[tuple[Record, RecordFault | None]] = []
        self._turn = asyncio.Lock()
        self.count = source.count
        self.ended = False

    async def next(self) -> tuple[Record, RecordFault | None] | None:
        """The next record, and what is wrong with it; None at the end. Raises `SourceError` and `JournalError`."""
        async with self._turn:
            if not self._ready and not self.ended:
                await self.fill()
            return self._ready.pop() if self._ready else None

    async def fill(self) -> None:
        self._ready = await asyncio.to_thread(self._read)
        self.ended = not self._ready

    def _read(self) -> list[tuple[Record, RecordFault | None]]:
        rows = [*islice(self._rows, _AHEAD)]
        sound = [row for row in rows if row.fault is None]
        stems = self._journal.stems([(row.record_id, self._fields) for row in sound]) if sound else []
        names = {row.position: found for row, found in zip(sound, stems, strict=True)}
        return [(self._record(row, names.get(row.position, {})), _fault(row)) for row in reversed(rows)]

    def _record(self, row: Row, stems: dict[str, str]) -> Record:
        own = row.fields.get(self._plan.id_column or "id")
        fields = {**row.fields, "id": row.record_id if own is None else own}
        return Record(position=row.position, record_id=row.record_id, fields=fields, stems=stems)


class _Run:
    def __init__(
        self, plan: Plan, studio: Studio, feed: _Feed, on_event: Listener, stop: asyncio.Event, limit: int | None
    ) -> None:
        self._plan = plan
        self._studio = studio
        self._feed = feed
        self._on_event = on_event
        self._stop = stop
        self._limit = limit
        self._halt: Halt | None = None
        self._done = 0
        self._pictures = 0
        self._reused = 0
        self._given_up = 0
        self._absent: dict[str, str] = {}

    async def work(self, concurrency: int) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(max(concurrency, 1)):
                group.create_task(self._worker())

    def write(self, writing: Writing) -> tuple[Path, Path | None]:
        """Write what is finished, and say which columns stayed empty."""
        outcomes = self._studio.journal.outcomes
        whole = self._limit is None and self._halt is None and not self._stop.is_set() and self._feed.ended
        outcomes.complete(total=self._feed.count, stopped=self._ending()[0], whole=whole)
        for name, source in self._absent.items():
            self._on_event(Noted(message=f"column '{name}': some records have no '{source}'; null there"))
        errors = write_errors(outcomes.output, outcomes.errors(self._limit))
        path = outcomes.output / writing.file
        images = picture_folder(outcomes.output)
        write_metadata(
            images, lambda: outcomes.done_rows(self._limit), within=images.relative_to(outcomes.output).as_posix()
        )
        if writing.sidecars:
            with open_run(outcomes.output) as view:
                write_sidecars(view)
        return write_output(path, lambda: outcomes.rows(self._limit, relative=writing.relative_paths)), errors

    def summary(self, output: Path, errors: Path | None) -> RunSummary:
        journal = self._studio.journal
        counts = journal.outcomes.counts(self._limit)
        stopped, reason = self._ending()
        total = self._feed.count
        return RunSummary(
            run=journal.run_id,
            total=counts.ended + self._given_up if total is None else total,
            succeeded=counts.done,
            failed=counts.failed,
            skipped=counts.skipped,
            unfinished=self._given_up if total is None else max(0, total - counts.ended),
            pictures=self._pictures,
            reused=self._reused,
            cost_usd=journal.outcomes.cost_usd(),
            output=output,
            errors=errors,
            failures=tuple(journal.outcomes.groups(self._limit)),
            stopped=stopped,
            reason=reason,
        )

    def _ending(self) -> tuple[Literal["interrupted", "unreachable", "unauthorised", "storage", "data"] | None, str]:
        if self._halt is not None:
            return self._halt.cause, self._halt.reason
        if self._stop.is_set() and (self._given_up or not self._feed.ended):
            return "interrupted", "Interrupted: what was in flight has been finished."
        return None, ""

    async def _worker(self) -> None:
        while self._halt is None and not self._stop.is_set():
            try:
                found = await self._feed.next()
            except (SourceError, JournalError) as error:
                cause: Cause = "data" if isinstance(error, SourceError) else "storage"
                self._halt = Halt(cause=cause, reason=str(error))
                return
            if found is None:
                return
            record, fault = found
            self._given_up += 1
            end = RecordEnd(state=record.fields, fault=fault) if fault else await draw_record(record, self._studio)
            if end.halt is not None and self._halt is None:
                self._halt = end.halt
            if end.halt is None or end.fault is not None:
                await self._finish(record, end)
                self._given_up -= 1

    async def _finish(self, record: Record, end: RecordEnd) -> None:
        written = row(self._plan, end)
        outcome: Outcome = "done" if end.fault is None else "failed"
        finish = self._studio.journal.outcomes.finish
        try:
            await asyncio.to_thread(finish, record.position, record.record_id, outcome, written, end.fault)
        except JournalError as error:
            self._halt = self._halt or Halt(cause="storage", reason=str(error))
            return
        if end.fault is None:
            self._absent |= absent_sources(self._plan, end.state)
        self._done += 1
        self._pictures += end.pictures
        self._reused += end.reused
        self._on_event(
            RecordFinished(
                record_id=record.record_id,
                done=self._done,
                total=self._feed.count,
                pictures=end.pictures,
                fault=end.fault,
            )
        )


def _fault(row: Row) -> RecordFault | None:
    if row.fault is None:
        return None
    return RecordFault(
        position=row.position,
        record_id=row.record_id,
        code=row.fault.code,
        message=row.fault.message,
        param=row.fault.param,
    )


def _digest(plan: Plan) -> str:
    """Tells one plan from another: outcomes of another one aren't worth anything."""
    return sha256(msgspec.json.encode(plan, enc_hook=str, order="deterministic")).hexdigest()
