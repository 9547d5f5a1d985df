"""Runs a plan over its records: a fixed number at a time, outcomes in the journal, nothing paid for lost."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from decimal import Decimal
from hashlib import sha256
from itertools import islice
from pathlib import Path

import msgspec

from imageway.contract.request import JsonValue
from imageway.sdk.pipeline.data.kinds import Selection
from imageway.sdk.pipeline.data.row import Row, SourceError
from imageway.sdk.pipeline.data.source import Source, open_source
from imageway.sdk.pipeline.events import Listener, Noted, RecordFault, RecordFinished, RunStarted, RunSummary, Stopped
from imageway.sdk.pipeline.files.inputs import note_inputs
from imageway.sdk.pipeline.files.lock import run_lock
from imageway.sdk.pipeline.files.sink import picture_folder, write_errors
from imageway.sdk.pipeline.graph import Graph
from imageway.sdk.pipeline.hands import Hands
from imageway.sdk.pipeline.journal.journal import Journal, JournalError, open_journal
from imageway.sdk.pipeline.journal.outcomes import Outcome
from imageway.sdk.pipeline.journal.redo import Redo
from imageway.sdk.pipeline.journal.run_view import open_run
from imageway.sdk.pipeline.nodes.chat import Chats
from imageway.sdk.pipeline.nodes.drawing import DrawingClient, Halt, Studio
from imageway.sdk.pipeline.nodes.record import Record, RecordEnd, draw_record
from imageway.sdk.pipeline.nodes.rows import absent_sources, row
from imageway.sdk.pipeline.output.image_folder import write_metadata
from imageway.sdk.pipeline.output.output_file import write_output
from imageway.sdk.pipeline.output.sidecars import write_sidecars
from imageway.sdk.pipeline.output.targets import inputs_of, require_targets
from imageway.sdk.pipeline.output.unwritten import unwritten
from imageway.sdk.pipeline.pictures.media import Places
from imageway.sdk.pipeline.plan import Plan
from imageway.sdk.pipeline.sending.pace import Pace
from imageway.sdk.pipeline.sending.purse import Purse
from imageway.sdk.pipeline.sending.sending import Sender
from imageway.sdk.pipeline.sending.sharing import SharedAnswers
from imageway.sdk.pipeline.sending.tariff import Tariff

__all__ = ("Bounds", "Writing", "plan_digest", "run_plan")

_AHEAD = 16
_MOST_READERS = 32
_SAVERS = 4
"""They wait for the disk most of the time: with 20 ms for a file, as network disks take, 200 pictures a second."""


class Writing(msgspec.Struct, frozen=True, kw_only=True):
    """What is written of the outcomes, and how. `file` is relative to the output folder; its ending says its kind."""

    file: Path = Path("output.json")
    relative_paths: bool = False
    sidecars: bool = False


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """What a run keeps within.

    `concurrency` is how many calls are in flight at most; with `adaptive` it begins with a few and comes to that while
    all goes well. `budget_usd` counts what earlier passes of the run have spent, too; `max_time_s` is for this pass.
    """

    concurrency: int = 8
    adaptive: bool = False
    budget_usd: Decimal | None = None
    max_time_s: float | None = None


_DEFAULT = Writing()
_UNBOUNDED = Bounds()
_INTERRUPTED = "Interrupted: what was in flight has been finished."
_START = 4
_LAST, _MOST_OF_A_KIND = 20, 10
_OF_THE_RECORD = frozenset({"content_rejected", "task_code"})
"""Failures that say something of a record and nothing of the others, though a call was sent for it."""


async def run_plan(
    plan: Plan,
    client: DrawingClient,
    *,
    output: Path,
    on_event: Listener,
    bounds: Bounds = _UNBOUNDED,
    limit: int | None = None,
    shard: tuple[int, int] = (0, 1),
    stop: asyncio.Event | None = None,
    drawer: str = "",
    anew: bool = False,
    fresh: bool = False,
    retry_failed: bool = False,
    retry_unknown: bool = False,
    seed: int = 0,
    redo: Redo | None = None,
    shared: Path | None = None,
    writing: Writing = _DEFAULT,
    sleep: Callable[[float], Coroutine[None, None, None]] = asyncio.sleep,
) -> RunSummary:
    """Run *plan* on its records, the first *limit* of them, into the folder *output*, within *bounds*.

    Of those it runs the ones of a *shard*, such as (0, 4) for the first of four; a record's id decides which that is.

    When *stop* is set, a bound is reached, or the gateway is out of reach, no record is begun any more, calls in flight
    are finished, and what is done is written. So it is when more than half of the last twenty records have failed of
    one cause that isn't theirs. What is done is also written when the call is cancelled, which gives up what is in
    flight. *sleep* is for tests to replace.

    What an earlier run into *output* was answered by the same *drawer* (who draws, in any words) is taken from there
    and not sent again, nor is what failed, unless *retry_failed*, or *retry_unknown* where it may have been paid for.
    With *fresh* or *anew* everything is drawn again: beside the earlier pictures, or in their places. A record whose
    picture's name is taken by a picture of unknown origin fails before it is sent; where the folder was empty at first,
    its picture has another name. Lots are drawn by *seed*.

    The calls that *redo* names are made anew, and what follows from them; their earlier pictures stay beside.
    With *shared* equal requests have one answer, out of that folder where it has one and nothing is to be drawn again.

    Raises `TargetError`, `RedoError`, `JournalError`, `SourceError` for data that can't be used, `RunLockedError`,
    `OSError` where *output* can't be written, and `ImageError` where the gateway doesn't tell its models; all before
    the first record. `UnwrittenError` is raised at the end, where no output can be made of what was drawn.
    """
    require_targets(plan, output, writing.file)
    async with AsyncExitStack() as stack:
        stack.enter_context(run_lock(output))
        opened = open_journal(
            output, drawer, replacing=anew, fresh=fresh, task=str(plan.folder.absolute()), plan=plan_digest(plan)
        )
        journal = stack.enter_context(opened)
        if redo is not None:
            journal.redo(redo)
        selection = Selection(last=limit, shard=shard[0], shards=shard[1])
        source = stack.enter_context(open_source(plan.data, id_column=plan.id_column, selection=selection))
        purse = Purse(bounds.budget_usd, spent_usd=journal.spent_usd(), in_doubt=journal.in_doubt())
        start = _START if bounds.adaptive else bounds.concurrency
        sender = Sender(
            client,
            pace=Pace(start=start, most=bounds.concurrency, sleep=sleep),
            purse=purse,
            prices=Tariff(client),
            on_event=on_event,
        )
        studio = Studio(
            client=client,
            plan=plan,
            graph=Graph.of(plan),
            specs=await client.models(),
            picture_folder=picture_folder(output),
            places=Places(
                folders=(*source.folders, plan.folder, Path.cwd()), allowed_hosts=frozenset(plan.allowed_hosts)
            ),
            readers=stack.enter_context(ThreadPoolExecutor(min(max(bounds.concurrency, 1), _MOST_READERS))),
            savers=stack.enter_context(Hands(_SAVERS, "imageway-saver")),
            journal=journal,
            sender=sender,
            chats=await stack.enter_async_context(Chats()),
            retry_failed=retry_failed,
            retry_unknown=retry_unknown,
            shared=None if shared is None else SharedAnswers(shared, earlier=not (fresh or anew)),
            seed=seed,
        )
        feed = _Feed(plan, source, journal)
        await feed.fill()
        await asyncio.to_thread(note_inputs, output, inputs_of(plan))
        await asyncio.to_thread(journal.begin, source.count)
        run = _Run(plan, studio, feed, on_event, stop or asyncio.Event(), selection)
        for note in plan.notes:
            on_event(Noted(message=note))
        on_event(RunStarted(total=source.count))
        try:
            await run.work(bounds, sleep)
        finally:
            with unwritten():
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
        if not self._ready:
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
        self, plan: Plan, studio: Studio, feed: _Feed, on_event: Listener, stop: asyncio.Event, selection: Selection
    ) -> None:
        self._plan = plan
        self._studio = studio
        self._feed = feed
        self._on_event = on_event
        self._stop = stop
        self._limit = selection.last
        self._of_all = selection.last is None and selection.shards == 1
        self._halt: Halt | None = None
        self._done = 0
        self._pictures = 0
        self._reused = 0
        self._remembered = 0
        self._given_up = 0
        self._absent: dict[str, str] = {}
        self._lately: deque[RecordFault | None] = deque(maxlen=_LAST)

    async def work(self, bounds: Bounds, sleep: Callable[[float], Coroutine[None, None, None]]) -> None:
        async with asyncio.TaskGroup() as watching:
            watches = [watching.create_task(self._stopped())]
            if bounds.max_time_s is not None:
                watches.append(watching.create_task(self._timed(bounds.max_time_s, sleep)))
            try:
                async with asyncio.TaskGroup() as group:
                    for _ in range(max(bounds.concurrency, 1)):
                        group.create_task(self._worker())
            finally:
                for watch in watches:
                    watch.cancel()

    async def _stopped(self) -> None:
        """Once the run is to stop, calls that wait for their turn are given up."""
        await self._stop.wait()
        await self._studio.sender.close("interrupted", _INTERRUPTED)

    async def _timed(self, max_time_s: float, sleep: Callable[[float], Coroutine[None, None, None]]) -> None:
        await sleep(max_time_s)
        reason = f"The time of {max_time_s:g} s is over: what was in flight has been finished."
        self._halt = self._halt or Halt(cause="time", reason=reason)
        await self._studio.sender.close("time", reason)

    def write(self, writing: Writing) -> tuple[Path, Path | None]:
        """Write what is finished, and say which columns stayed empty."""
        outcomes = self._studio.journal.outcomes
        whole = self._of_all and self._halt is None and not self._stop.is_set() and self._feed.ended
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

        def rows() -> Iterator[dict[str, JsonValue]]:
            return outcomes.rows(self._limit, relative=writing.relative_paths)

        for sink in self._plan.sinks:
            if sink != writing.file:
                write_output(outcomes.output / sink, rows)
        return write_output(path, rows), errors

    def summary(self, output: Path, errors: Path | None) -> RunSummary:
        journal = self._studio.journal
        counts = journal.outcomes.counts(self._limit)
        stopped, reason = self._ending()
        total = self._feed.count
        return RunSummary(
            run=journal.run_id,
            total=counts.ended + self._given_up if total is None else total,
            read_to_end=total is not None or self._feed.ended,
            succeeded=counts.done,
            failed=counts.failed,
            skipped=counts.skipped,
            unfinished=self._given_up if total is None else max(0, total - counts.ended),
            pictures=self._pictures,
            reused=self._reused,
            remembered=self._remembered,
            cost_usd=journal.outcomes.cost_usd(),
            output=output,
            errors=errors,
            failures=tuple(journal.outcomes.groups(self._limit)),
            stopped=stopped,
            reason=reason,
        )

    def _ending(self) -> tuple[Stopped | None, str]:
        if self._halt is not None:
            return self._halt.cause, self._halt.reason
        if self._stop.is_set() and (self._given_up or not self._feed.ended):
            return "interrupted", _INTERRUPTED
        return None, ""

    async def _worker(self) -> None:
        while self._halt is None and not self._stop.is_set():
            try:
                found = await self._feed.next()
            except (SourceError, JournalError) as error:
                cause: Stopped = "data" if isinstance(error, SourceError) else "storage"
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
        outcome: Outcome = "done" if end.fault is None else "skipped" if end.fault.code == "skipped" else "failed"
        finish = self._studio.journal.outcomes.finish
        try:
            await finish(record.position, record.record_id, outcome, written, end.fault)
        except JournalError as error:
            self._halt = self._halt or Halt(cause="storage", reason=str(error))
            return
        if end.fault is None:
            self._absent |= absent_sources(self._plan, end.state)
        self._done += 1
        self._pictures += end.pictures
        self._reused += end.reused
        self._remembered += end.fault is not None and end.fault.remembered
        self._on_event(
            RecordFinished(
                record_id=record.record_id,
                done=self._done,
                total=self._feed.count,
                pictures=end.pictures,
                fault=end.fault,
                spent_usd=self._studio.sender.purse.spent_usd,
            )
        )
        self._lately.append(end.fault)
        if end.fault is not None or self._done == _LAST:  # other records only make it better
            self._halt = self._halt or self._failing()

    def _failing(self) -> Halt | None:
        """Why the records to come would fail as well, for all that the last ones tell."""
        if len(self._lately) < _LAST:
            return None
        faults = [
            fault
            for fault in self._lately
            if fault is not None and not fault.remembered and fault.attempts and fault.code not in _OF_THE_RECORD
        ]
        code, count = next(iter(Counter(fault.code for fault in faults).most_common(1)), ("", 0))
        if count <= _MOST_OF_A_KIND:
            return None
        last = next(fault for fault in reversed(faults) if fault.code == code)
        reason = f"{count} of the last {_LAST} records have failed of one cause ({code}): {last.message}"
        return Halt(cause="failing", reason=reason)


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


def plan_digest(plan: Plan) -> str:
    """Tells one plan from another: outcomes of another one aren't worth anything."""
    return sha256(msgspec.json.encode(plan, enc_hook=str, order="deterministic")).hexdigest()
