"""What a folder's runs have paid for: an intent before each call is sent, a receipt once its pictures are on the disk.

A call's key is made of the record, the node and all that is sent, so a rerun finds the receipts of what hasn't changed,
and sends what was in flight under the same key as before.
"""

import asyncio
import os
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Literal

from msgspec import Struct

from imageway.contract.request import ImageFormat, ImageRequest
from imageway.sdk.pipeline.events import RecordFault
from imageway.sdk.pipeline.files.names import FileNames
from imageway.sdk.pipeline.files.provenance import Answered, KeptPicture, fault_json, read_fault
from imageway.sdk.pipeline.journal.call_keys import call_place, keys_of
from imageway.sdk.pipeline.journal.file import JournalError, JournalFile, open_journal_file, sql_text
from imageway.sdk.pipeline.journal.outcomes import Outcomes
from imageway.sdk.pipeline.journal.redo import Redo, RedoError
from imageway.sdk.pipeline.journal.spent import in_doubt, spent_usd
from imageway.sdk.pipeline.journal.stems import Stem, claimer, is_empty, owner
from imageway.sdk.pipeline.journal.texts import TextCalls, begin, now

__all__ = ("CallSite", "EarlierPictureError", "Journal", "JournalError", "Standing", "open_journal")


_NOT_ENDED = frozenset({"in flight", "unsent"})
_KNOWN = """
SELECT call.state, call.stem, coalesce(call.attempts, 0),
       EXISTS (SELECT 1 FROM call WHERE stem = ?2)
    OR EXISTS (SELECT 1 FROM picture WHERE path > ?2 || '_0.' AND path < ?2 || '_0/')
  FROM (SELECT 1) LEFT JOIN call ON call.key = ?1
"""
"""How the call of a key stands, and whether any call or picture goes by a name; in one statement, since with each of
them a thread gives up the interpreter's lock.
"""
_ANSWERED = (
    "UPDATE call SET ended_at = ?, pictures = ?, single = ?, request_id = ?, cost_usd = ?, usage = ?,"
    " answered = ?, state = ?, fault = ?, billed = ? WHERE key = ?"
)
_ENDINGS = tuple(sorted({format_.extension for format_ in ImageFormat}))

FREE = "sketch"
"""The drawer whose pictures cost nothing, so that others may take their places."""


class EarlierPictureError(Exception):
    """Under the name of a picture to be drawn lies one that may have been paid for, and nobody said to draw anew."""


class CallSite(Struct, frozen=True, kw_only=True):
    """Which call it is: the record, the node, and the how manieth time, from 1, that the node draws for it."""

    record_id: str
    node: str
    draw: int = 1


class Standing(Struct, frozen=True, kw_only=True):
    """What is known of a call: nothing that keeps it from being sent, its pictures, or how it failed.

    `paths` may come beside a failure. `lost` names pictures that it was answered with and that aren't there any more.
    """

    state: Literal["to send", "answered", "failed"]
    paths: tuple[Path, ...] = ()
    single: bool = False
    fault: RecordFault | None = None
    lost: tuple[str, ...] = ()


class _Run(Struct, frozen=True, kw_only=True):
    number: int
    id: str
    replacing: bool
    fresh: bool


class Journal:
    """The journal of one output folder; open it with `open_journal`. Its methods may be called from any thread."""

    def __init__(self, file: JournalFile, output: Path, drawer: str, run: _Run) -> None:
        self._file = file
        self._output = output
        self._prefix = f"{output}{os.sep}"
        self._drawer = drawer
        self._run = run
        self._keys = keys_of(self._file, self._run.number, self._run.id, self._drawer)
        self._empty_at_first: dict[str, bool] = {}
        self.outcomes = Outcomes(file, run.number, output)
        self.texts = TextCalls(file, run.number, drawer)

    def redo(self, redo: Redo) -> None:
        """Have the calls of *redo* made anew, once for each list. Raises `RedoError` for what the run hasn't."""
        wanted: set[tuple[str, str, int]] = set()
        for reject in redo.rejects:
            calls = self._file.read(
                "SELECT DISTINCT record, node, draw FROM call WHERE run = ?1 AND record = ?2"
                " AND node = coalesce(?3, node) AND draw = coalesce(?4, draw)",
                self._run.number,
                sql_text(reject.record_id),
                reject.node,
                reject.draw,
            )
            if not calls:
                node = f", node '{reject.node}'" if reject.node else ""
                raise RedoError(
                    f"the newest run here has no call of the record '{reject.record_id}'{node} to draw anew"
                )
            wanted.update(calls)
        rows = [(self._run.number, call_place(*call), redo.digest) for call in sorted(wanted)]

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany("INSERT OR IGNORE INTO redo (run, call, list) VALUES (?, ?, ?)", rows)

        self._file.write(work, durable=True)
        self._keys = keys_of(self._file, self._run.number, self._run.id, self._drawer)

    def begin(self, total: int | None) -> None:
        """Note that records are run now, *total* of them if that is known; until its end is noted, it is cut off."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE run SET ended_at = NULL, stopped = NULL, total = ? WHERE number = ?", (total, self._run.number)
            )

        self._file.write(work)

    @property
    def run_id(self) -> str:
        return self._run.id

    def key(self, record_id: str, node: str, request: ImageRequest, *, draw: int = 1) -> str:
        """See `CallKeys.key`."""
        return self._keys.key(record_id, node, request, draw=draw)

    def content_key(self, record_id: str, node: str, request: ImageRequest, *, draw: int = 1) -> str:
        """See `CallKeys.content_key`."""
        return self._keys.content_key(record_id, node, request, draw=draw)

    def standing(self, key: str) -> Standing:
        """How the call of *key* stands; reads the pictures that it was answered with."""
        rows = self._file.read("SELECT state, pictures, single, fault FROM call WHERE key = ?", key)
        if not rows or rows[0][0] in _NOT_ENDED:
            return Standing(state="to send")
        state, count, single, fault = rows[0]
        kept = self._file.read("SELECT path, sha256 FROM picture WHERE call = ? ORDER BY place", key)
        paths = tuple(self._output / name for name, _ in kept)
        if state != "answered":
            return Standing(state="failed", paths=paths, single=bool(single), fault=read_fault(fault))
        lost = [name for name, _ in kept if not (self._output / name).is_file()]
        if lost or len(kept) < count:
            return Standing(state="to send", lost=tuple(lost))
        for path, (name, digest) in zip(paths, kept, strict=True):
            if sha256(path.read_bytes()).hexdigest() != digest:
                raise EarlierPictureError(
                    f"{name} isn't as it was drawn; delete the file to have the call asked for it again,"
                    " or draw everything anew with --fresh"
                )
        return Standing(state="answered", paths=paths, single=bool(single))

    async def intend(
        self,
        key: str,
        site: CallSite,
        asked: str,
        *,
        stem: Path,
        anew: bool = False,
    ) -> tuple[Stem, int] | None:
        """Note that the call is about to be sent; give the stem of its pictures, and how often it was sent.

        None for one that has ended before, unless it is to be sent *anew*: nothing is noted then.
        The note outlives the process, but maybe not a power cut: the key is the same without it. *asked* is the
        request as `asked_of` tells it.

        The first is *stem*, or one with eight characters of the key behind it, where pictures of another call are
        called so already: of an earlier run when this is a fresh one, or of this run before the task was changed.

        Raises `EarlierPictureError` where such pictures are there, nobody said to draw them anew, and they were drawn
        by somebody else or nobody knows by whom. In a folder that was empty at first nobody looks for those: any that
        come later keep their names, and the call's own have the spare stem.
        """
        name = self._name(stem)
        record, node = sql_text(site.record_id), sql_text(site.node)

        spare = f"{name}_{key[-8:]}"

        def work(connection: sqlite3.Connection) -> tuple[Stem, int] | None:
            state, earlier, attempts, is_taken = connection.execute(_KNOWN, (key, name)).fetchone()
            if state is not None and state not in _NOT_ENDED and not anew:
                return None
            known: str | None = None if state is None else earlier or name
            is_new = known is None and not is_taken and self._began_empty(name.rpartition("/")[0])
            if known is not None and owner(connection, known, key) is None:
                chosen = known
            elif is_new:
                chosen = name
            else:
                chosen = self._stem(connection, key, name, spare)
            begin(connection, (key, self._run.number, record, node, site.draw, self._drawer, chosen, now(), asked))
            path = stem if chosen == name else self._output / chosen
            return Stem(path=path, spare=self._output / spare if is_new else None), attempts + 1

        return await self._file.written(work)

    def keep(
        self,
        key: str,
        kept: Sequence[KeptPicture],
        answered: Answered,
        fault: RecordFault | None,
        noted: "asyncio.Future[RecordFault | None]",
        *,
        folder: Path,
    ) -> None:
        """Have it noted durably what the call was answered with. Then *noted* gives *fault*, or raises why it can't be.

        The files are on the disk already; now their names in *folder* come there, too, or it is an `OSError`. Where no
        picture could be saved there may be no folder.
        The *fault* is what is wrong with the answer, whose pictures are kept and paid for all the same.
        """
        state, told = ("answered", None) if fault is None else ("failed", fault_json(fault))
        names = [self._name(picture.path) for picture in kept]
        beside = (answered.request_id, answered.cost_text, answered.usage_json, answered.as_json())
        answer = (now(), len(kept), answered.single, *beside, state, told, fault is not None, key)

        def work(connection: sqlite3.Connection) -> RecordFault | None:
            if not connection.execute(f"{_ANSWERED} AND pictures = 0", answer).rowcount:
                connection.execute("DELETE FROM picture WHERE call = ?", (key,))
                connection.execute(_ANSWERED, answer)
            connection.executemany(
                "INSERT OR REPLACE INTO picture (path, call, place, sha256, facts) VALUES (?, ?, ?, ?, ?)",
                [
                    (name, key, place, picture.sha256, picture.facts_json())
                    for place, (name, picture) in enumerate(zip(names, kept, strict=True))
                ],
            )
            return fault

        self._file.hand_in(work, noted, folder=folder if kept else None)

    def fail(self, key: str, fault: RecordFault) -> None:
        """Note durably that the call was refused, or, where it may have been billed, that its end is unknown."""
        state = "unknown" if fault.may_have_billed else "failed"
        values = (state, now(), fault.request_id, fault_json(fault), fault.may_have_billed, key)

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE call SET state = ?, ended_at = ?, request_id = ?, fault = ?, billed = ? WHERE key = ?", values
            )

        self._file.write(work, durable=True)

    def reserve(self, key: str, high_usd: Decimal) -> None:
        """Note durably the most that the call may cost: that counts as spent where its end stays unknown."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("UPDATE call SET high_usd = ? WHERE key = ?", (f"{high_usd:f}", key))

        self._file.write(work, durable=True)

    def spent_usd(self) -> Decimal:
        """See `spent.spent_usd`."""
        return spent_usd(self._file, self._run.number)

    def in_doubt(self) -> dict[str, Decimal]:
        """See `spent.in_doubt`."""
        return in_doubt(self._file, self._run.number)

    def unsend(self, key: str) -> None:
        """Note that the call wasn't sent after all."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("UPDATE call SET state = 'unsent', attempts = attempts - 1 WHERE key = ?", (key,))

        self._file.write(work)

    def stems(self, wanted: Sequence[tuple[str, Sequence[str]]]) -> list[dict[str, str]]:
        """For each record id and its fields the stems of their files' names; whoever had one once has it for ever."""

        def work(connection: sqlite3.Connection) -> list[dict[str, str]]:
            names = FileNames(claimer(connection))
            return [{field: names.stem(record_id, field) for field in fields} for record_id, fields in wanted]

        return self._file.write(work)

    def _name(self, path: Path) -> str:
        """*path*, of a file of the output folder, as it is called in here."""
        return str(path).removeprefix(self._prefix).replace(os.sep, "/")

    def _stem(self, connection: sqlite3.Connection, key: str, name: str, spare: str) -> str:
        """The name for a call that has none yet, and for whose pictures there may be others in the way."""
        earlier = (
            owner(connection, name, key)
            or connection.execute(
                "SELECT run, drawer FROM call WHERE stem = ? AND key != ? ORDER BY rowid DESC", (name, key)
            ).fetchone()
        )
        first = f"{self._output / name}_0."
        found = next((first + ending for ending in _ENDINGS if os.access(first + ending, os.F_OK)), None)
        if (earlier is None and found is None) or self._run.replacing:
            return name
        if self._run.fresh or earlier == (self._run.number, self._drawer) != (self._run.number, FREE):
            return spare
        if earlier is not None and earlier[1] == FREE:
            return name
        if found is None:
            return name
        drawn_by = f" by '{earlier[1]}'" if earlier is not None and earlier[1] else ""
        raise EarlierPictureError(
            f"{Path(found).name} is there already, drawn{drawn_by} for another request that may have cost money;"
            " write elsewhere with -o, draw anew beside it with --fresh, or in its place with --replace"
        )

    def _began_empty(self, folder: str) -> bool:
        """Whether *folder* held nothing when its first call was noted: no picture of unknown origin is there then."""
        if folder not in self._empty_at_first:
            self._empty_at_first[folder] = is_empty(self._output / folder)
        return self._empty_at_first[folder]


@contextmanager
def open_journal(
    output: Path, drawer: str, *, replacing: bool = False, fresh: bool = False, task: str = "", plan: str = ""
) -> Iterator[Journal]:
    """The journal in *output*, which the caller has locked. *drawer* names who draws: another one's calls are others.

    *fresh* begins a new run, in which nothing is taken from earlier ones; *replacing* as well, and its pictures may
    take the place of earlier ones. *plan* tells whether outcomes of earlier passes of the run are still worth anything.

    Raises `JournalError`.
    """
    with open_journal_file(output) as file:

        def work(connection: sqlite3.Connection) -> _Run:
            return _pass(connection, fresh=fresh, replacing=replacing, values=(task, drawer, plan, now()))

        yield Journal(file, output.absolute(), drawer, file.write(work, durable=True))


def _pass(connection: sqlite3.Connection, *, fresh: bool, replacing: bool, values: tuple[str, str, str, str]) -> _Run:
    """One pass more through the newest run, or the first of a new one."""
    newest = connection.execute("SELECT number, id, replacing, fresh, plan FROM run ORDER BY number DESC").fetchone()
    if newest is None or fresh or replacing:
        number = 1 if newest is None else newest[0] + 1
        newest = (number, secrets.token_hex(8), replacing, fresh and number > 1, values[2])
        connection.execute("INSERT INTO run (number, id, replacing, fresh) VALUES (?, ?, ?, ?)", newest[:4])
    elif newest[4] != values[2]:
        connection.execute("DELETE FROM record WHERE run = ?", newest[:1])
    connection.execute(
        "UPDATE run SET pass = pass + 1, task = ?, drawer = ?, plan = ?, began_at = coalesce(began_at, ?)"
        " WHERE number = ?",
        (*map(sql_text, values), newest[0]),
    )
    return _Run(number=newest[0], id=newest[1], replacing=bool(newest[2]), fresh=bool(newest[3]))
