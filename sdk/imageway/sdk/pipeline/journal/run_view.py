"""A folder's runs, looked at from outside: nothing is changed, and a run may be going on."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct

from imageway.contract.request import JsonValue
from imageway.sdk.pipeline.journal.call_keys import CallKeys, keys_of
from imageway.sdk.pipeline.journal.file import JournalError, JournalFile, NoRunError, open_to_read, sql_text
from imageway.sdk.pipeline.journal.outcomes import Outcomes

__all__ = ("CallView", "PictureView", "RunView", "open_run")


class RunView(Struct, frozen=True, kw_only=True):
    """One run: the newest, or the one that was asked for. `total` is None while nobody knows it."""

    id: str
    number: int
    runs: int
    task: str
    plan: str
    drawer: str
    began_at: str | None
    ended_at: str | None
    total: int | None
    stopped: str | None
    output: Path
    file: JournalFile
    outcomes: Outcomes

    def calls(self) -> dict[str, int]:
        """How many calls there are in each state."""
        return dict(self.file.read("SELECT state, count(*) FROM call WHERE run = ? GROUP BY state", self.number))

    def picture_count(self) -> int:
        ((count,),) = self.file.read(
            "SELECT count(*) FROM picture JOIN call ON call.key = picture.call WHERE call.run = ?", self.number
        )
        return int(count)

    def records(self, record_id: str) -> list[dict[str, JsonValue]]:
        """The outcomes under an id: none, one, or several where the input has it several times."""
        return [
            {
                "position": position,
                "id": id_,
                "outcome": outcome,
                "attempts": attempts,
                "cost_usd": None if cost is None else float(cost),
                "fault": None if fault is None else json.loads(fault),
                "row": self.outcomes.readable(row),
            }
            for position, id_, outcome, attempts, cost, fault, row in self.file.read(
                "SELECT position, id, outcome, attempts, cost_usd, fault, row FROM record WHERE run = ? AND id = ?"
                " ORDER BY position LIMIT 1000",
                self.number,
                sql_text(record_id),
            )
        ]

    def ended_positions(self) -> Iterator[tuple[int, bool]]:
        """Records that a rerun asks nothing for, each with whether it is done; a call of the others has failed."""
        for position, outcome in self.file.stream(
            "SELECT position, outcome FROM record WHERE run = ? AND (outcome = 'done' OR attempts > 0)"
            " ORDER BY position",
            self.number,
        ):
            yield position, outcome == "done"

    def keys(self) -> CallKeys:
        """The keys of the run's calls."""
        return keys_of(self.file, self.number, self.id, self.drawer)

    def state(self, key: str) -> str | None:
        """How the call of *key* stands; None where it isn't known."""
        rows = self.file.read("SELECT state FROM call WHERE key = ?", key)
        return rows[0][0] if rows else None

    def call_seconds(self) -> Iterator[float]:
        """How long the newest calls took that were answered, a few hundred at most."""
        rows = self.file.read(
            "SELECT (julianday(ended_at) - julianday(sent_at)) * 86400 FROM call WHERE state = 'answered'"
            " AND pictures > 0 AND sent_at IS NOT NULL AND ended_at IS NOT NULL ORDER BY ended_at DESC LIMIT 200"
        )
        for (seconds,) in rows:
            yield float(seconds)

    def listing(self) -> Iterator[tuple[int, str, str | None, str | None]]:
        """Each record's position and id, and the code and message of what it failed with, in the order of the input."""
        for position, id_, code, fault in self.file.stream(
            "SELECT position, id, code, fault FROM record WHERE run = ? ORDER BY position", self.number
        ):
            yield position, id_, code, None if fault is None else json.loads(fault).get("message")

    def drawn_as(self, sha256: str) -> str | None:
        """The path, relative to the output folder, of a picture drawn here whose bytes have this hash."""
        rows = self.file.read("SELECT path FROM picture WHERE sha256 = ? ORDER BY path LIMIT 1", sha256)
        return rows[0][0] if rows else None

    def picture(self, path: str) -> "PictureView":
        """The picture at *path*, relative to the output folder, which has a receipt."""
        ((key, sha256, facts),) = self.file.read("SELECT call, sha256, facts FROM picture WHERE path = ?", path)
        return PictureView(path=path, call=key, sha256=sha256, facts={} if facts is None else json.loads(facts))

    def calls_of(self, record_id: str) -> Iterator["CallView"]:
        for values in self.file.read(
            "SELECT key, record, node, draw, state, attempts, sent_at, ended_at, request_id, cost_usd, usage, asked,"
            " answered, fault FROM call WHERE run = ? AND record = ? ORDER BY sent_at, node, draw LIMIT 10000",
            self.number,
            sql_text(record_id),
        ):
            yield _call(values)

    def pictures(self, call: str | None = None) -> Iterator["PictureView"]:
        """Every receipted picture of the run, or of one call, in the order of their paths."""
        for path, key, sha256, facts in self.file.stream(
            "SELECT picture.path, picture.call, picture.sha256, picture.facts FROM picture"
            " JOIN call ON call.key = picture.call WHERE call.run = ? AND call.key = coalesce(?, call.key)"
            " ORDER BY picture.path",
            self.number,
            call,
        ):
            yield PictureView(path=path, call=key, sha256=sha256, facts={} if facts is None else json.loads(facts))

    def call(self, key: str) -> "CallView":
        (values,) = self.file.read(
            "SELECT key, record, node, draw, state, attempts, sent_at, ended_at, request_id, cost_usd, usage, asked,"
            " answered, fault FROM call WHERE key = ?",
            key,
        )
        return _call(values)


class CallView(Struct, frozen=True, kw_only=True):
    """A call: what was asked and answered. Times are UTC; `asked` is absent of calls of older journals."""

    key: str
    record_id: str
    node: str
    draw: int
    state: str
    attempts: int
    sent_at: str | None
    ended_at: str | None
    request_id: str | None
    cost_usd: float | None
    usage: JsonValue
    asked: dict[str, JsonValue]
    answered: dict[str, JsonValue]
    fault: JsonValue


class PictureView(Struct, frozen=True, kw_only=True):
    """A receipted picture; `path` is relative to the output folder."""

    path: str
    call: str
    sha256: str
    facts: dict[str, JsonValue]


@contextmanager
def open_run(output: Path, run: str | None = None) -> Iterator[RunView]:
    """The newest run in *output*, or the one whose id begins with *run*. Raises `JournalError`."""
    with open_to_read(output) as file:
        rows = file.read(
            "SELECT id, number, task, plan, drawer, began_at, ended_at, total, stopped FROM run"
            " WHERE substr(id, 1, length(?1)) = ?1 ORDER BY number DESC LIMIT 2",
            run or "",
        )
        ((runs,),) = file.read("SELECT count(*) FROM run")
        if not rows or (run and len(rows) > 1):
            fault = "no run" if not rows else "more than one run"
            if not run:
                raise NoRunError(f"{output}: no run")
            raise JournalError(f"{output} holds {fault} whose id begins with '{run}'")
        id_, number, task, plan, drawer, began_at, ended_at, total, stopped = rows[0]
        folder = output.absolute()
        yield RunView(
            id=id_,
            number=number,
            runs=runs,
            task=task or "",
            plan=plan or "",
            drawer=drawer or "",
            began_at=began_at,
            ended_at=ended_at,
            total=total,
            stopped=stopped,
            output=folder,
            file=file,
            outcomes=Outcomes(file, number, folder),
        )


def _call(values: tuple[object, ...]) -> CallView:
    *plain, cost, usage, asked, answered, fault = values
    names = ("key", "record_id", "node", "draw", "state", "attempts", "sent_at", "ended_at", "request_id")
    fields: dict[str, Any] = dict(zip(names, plain, strict=True))
    return CallView(
        **fields,
        cost_usd=None if cost is None else float(str(cost)),
        usage=_decoded(usage),
        asked=_decoded(asked) or {},
        answered=_decoded(answered) or {},
        fault=_decoded(fault),
    )


def _decoded(text: object) -> Any:  # noqa: ANN401  # whatever the journal's JSON holds
    return None if text is None else json.loads(str(text))
