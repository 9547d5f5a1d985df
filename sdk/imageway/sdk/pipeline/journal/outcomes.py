"""What became of each record of a run: kept in the journal, and read back from there in the order of the input."""

import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Literal

from msgspec import Struct

from imageway.contract.request import JsonValue
from imageway.sdk.pipeline.events import FailureGroup, RecordFault, as_json
from imageway.sdk.pipeline.files.provenance import fault_json, read_fault
from imageway.sdk.pipeline.journal.file import JournalFile, sql_text
from imageway.sdk.pipeline.journal.row_paths import packer, unpacked

__all__ = ("Counts", "Outcome", "Outcomes", "total_usd")

Outcome = Literal["done", "failed", "skipped"]

_ALL = 2**62
_NEVER_BEGUN = frozenset({"invalid_record", "invalid_id", "duplicate_id"})


class Counts(Struct, frozen=True, kw_only=True):
    done: int = 0
    failed: int = 0
    skipped: int = 0

    @property
    def ended(self) -> int:
        return self.done + self.failed + self.skipped


class Outcomes:
    """The records of one run; `last` leaves out those beyond a position. For any thread."""

    def __init__(self, file: JournalFile, run: int, output: Path) -> None:
        self._file = file
        self._run = run
        self._packed = packer(output)
        self.output = output

    async def finish(
        self, position: int, record_id: str, outcome: Outcome, row: dict[str, JsonValue], fault: RecordFault | None
    ) -> None:
        """Note the one outcome of a record, in place of what it came to before. Its cost is that of its calls."""
        text, id_ = self._packed(row), sql_text(record_id)
        told, code = (None, None) if fault is None else (fault_json(fault), sql_text(fault.code))

        def work(connection: sqlite3.Connection) -> None:
            # A record that couldn't be begun has no calls, even where another one of the same id has.
            calls = (
                []
                if code in _NEVER_BEGUN
                else connection.execute(
                    "SELECT attempts, cost_usd FROM call WHERE run = ? AND record = ?", (self._run, id_)
                ).fetchall()
            )
            cost = _text(total_usd(cost for _, cost in calls))
            attempts = sum(sent for sent, _ in calls)
            connection.execute(
                "INSERT OR REPLACE INTO record (run, position, id, pass, outcome, code, fault, attempts, cost_usd, row)"
                " VALUES (?, ?, ?, (SELECT pass FROM run WHERE number = ?), ?, ?, ?, ?, ?, ?)",
                (self._run, position, id_, self._run, outcome, code, told, attempts, cost, text),
            )

        await self._file.written(work)

    def complete(self, *, total: int | None, stopped: str | None, whole: bool) -> None:
        """The run has ended; where all of the input was seen (*whole*), nothing stays of records not in it any more."""

        def work(connection: sqlite3.Connection) -> None:
            if whole:
                connection.execute(
                    "DELETE FROM record WHERE run = ? AND pass < (SELECT pass FROM run WHERE number = ?)",
                    (self._run, self._run),
                )
            connection.execute(
                "UPDATE run SET total = ?, stopped = ?, ended_at = ? WHERE number = ?",
                (total, stopped, datetime.now(tz=UTC).isoformat(timespec="milliseconds"), self._run),
            )

        self._file.write(work, durable=True)

    def counts(self, last: int | None = None) -> Counts:
        rows = self._file.read(
            "SELECT outcome, count(*) FROM record WHERE run = ? AND position <= ? GROUP BY outcome",
            self._run,
            last or _ALL,
        )
        return Counts(**dict(rows))

    def groups(self, last: int | None = None) -> Iterator[FailureGroup]:
        """Failures by code, the most frequent first, with the first record of each."""
        rows = self._file.read(
            "SELECT code, count(*), min(position) FROM record WHERE run = ? AND position <= ? AND outcome = 'failed'"
            " GROUP BY code ORDER BY 2 DESC, 3",
            self._run,
            last or _ALL,
        )
        for code, count, first in rows:
            ((id_, fault),) = self._file.read(
                "SELECT id, fault FROM record WHERE run = ? AND position = ?", self._run, first
            )
            yield FailureGroup(code=code, count=count, first_id=id_, first_message=read_fault(fault).message)

    def rows(self, last: int | None = None, *, relative: bool = False) -> Iterator[dict[str, JsonValue]]:
        """The rows, with the paths of pictures absolute, or relative to the output folder."""
        for (text,) in self._file.stream(
            "SELECT row FROM record WHERE run = ? AND position <= ? ORDER BY position", self._run, last or _ALL
        ):
            yield self.readable(text, relative=relative)

    def packed_rows(self) -> Iterator[tuple[str, dict[str, JsonValue]]]:
        """Record ids and rows as the journal keeps them, pictures marked; see `row_paths`."""
        for id_, text in self._file.stream("SELECT id, row FROM record WHERE run = ? ORDER BY position", self._run):
            yield id_, json.loads(text)

    def done_rows(self, last: int | None = None) -> Iterator[dict[str, JsonValue]]:
        """The rows, as the journal keeps them, of the records that went well."""
        for (text,) in self._file.stream(
            "SELECT row FROM record WHERE run = ? AND position <= ? AND outcome = 'done' ORDER BY position",
            self._run,
            last or _ALL,
        ):
            yield json.loads(text)

    def readable(self, row: str, *, relative: bool = False) -> dict[str, JsonValue]:
        """A row of the journal with paths that can be opened."""
        return unpacked(json.loads(row), self.output, relative=relative)

    def errors(self, last: int | None = None, *, code: str | None = None) -> Iterator[dict[str, JsonValue]]:
        """The lines of `errors.jsonl`: records that failed, or were passed over."""
        for fault, cost in self._file.stream(
            "SELECT fault, cost_usd FROM record WHERE run = ? AND position <= ? AND code IS NOT NULL"
            " AND code = coalesce(?, code) ORDER BY position",
            self._run,
            last or _ALL,
            code,
        ):
            yield {**as_json(read_fault(fault)), "cost_usd": None if cost is None else float(cost)}

    def cost_usd(self) -> Decimal | None:
        """What the calls of the run have cost, as far as it is known; None where of none it is."""
        return total_usd(
            cost
            for (cost,) in self._file.stream(
                "SELECT cost_usd FROM call WHERE run = ? AND cost_usd IS NOT NULL", self._run
            )
        )


def total_usd(costs: Iterator[str | None]) -> Decimal | None:
    known = None
    for cost in costs:
        if cost is not None:
            known = (known or Decimal()) + Decimal(cost)
    return known


def _text(cost: Decimal | None) -> str | None:
    return None if cost is None else f"{cost:f}"
