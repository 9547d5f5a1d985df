"""The ledger of one process: a SQLite file, and the answers' bodies in a folder beside it."""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

from imageway.gateway.ledger.answer_files import AnswerFiles
from imageway.gateway.ledger.kept_answer import KeptAnswer, head_of, kept_answer
from imageway.gateway.ledger.protocol import Claim, ClaimLostError, Finding, Kept, LedgerError

__all__ = ("SqliteLedger", "open_sqlite_ledger")

_log = logging.getLogger(__name__)
_ResultT = TypeVar("_ResultT")

_SCHEMA = 1
_TABLES = """
CREATE TABLE call (
    slot TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    token TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('claimed', 'sent', 'answered', 'dropped', 'unknown')),
    doubtful INTEGER NOT NULL,  -- whether an earlier call under this key may have been paid for
    since_s REAL NOT NULL,      -- when it came to its state, in Unix seconds
    head BLOB,
    body_bytes INTEGER
) WITHOUT ROWID;
CREATE INDEX call_since ON call (state, since_s);
"""


class _Row(Struct, frozen=True, array_like=True):
    fingerprint: str
    token: str
    state: str
    doubtful: int
    since_s: float
    head: bytes | None
    body_bytes: int | None


class SqliteLedger:
    """The calls of this process; open it with `open_sqlite_ledger`. Its connection lives on *thread*, the only one of
    its executor, so that statements never meet.

    Nobody else has the file, so a row that says `claimed` or `sent` while its key is claimed anew belongs to a call
    that has ended without a word: it is free, or unknown.
    """

    def __init__(
        self,
        file: Path,
        thread: Executor,
        *,
        keep_s: float,
        max_bytes: int,
        max_answer_bytes: int,
        clock: Callable[[], float],
    ) -> None:
        self._file = file
        self._thread = thread
        self._keep_s = keep_s
        self._max_bytes = max_bytes
        self._max_answer_bytes = min(max_answer_bytes, max_bytes)
        self._clock = clock
        self._connection: sqlite3.Connection
        self._bodies: AnswerFiles
        self._total_bytes = 0

    @property
    def upkeep_every_s(self) -> float:
        return 60.0

    async def open(self) -> None:
        """Take the file, and settle what an earlier process left: sent calls are unknown, others weren't sent."""
        await self._on_thread(self._open)

    async def close(self) -> None:
        await self._on_thread(self._close)

    async def claim(self, claim: Claim, fingerprint: str, *, retry_unknown: bool) -> Finding:
        while True:
            found = await self._on_thread(lambda: self._claim(claim, fingerprint, retry_unknown=retry_unknown))
            if not isinstance(found, _Row):
                return found
            body = await self._read(found)
            if body is not None and found.head is not None:
                return Kept(answer=kept_answer(found.head, body))
            await self._on_thread(partial(self._drop, claim.slot, found.token))

    async def mark_sent(self, claim: Claim) -> None:
        await self._on_thread(lambda: self._move(claim, "sent"))

    async def keep(self, claim: Claim, answer: KeptAnswer) -> None:
        head = head_of(answer)
        if len(answer.body) > self._max_answer_bytes:
            await self._on_thread(lambda: self._move(claim, "dropped"))
            return
        try:
            await asyncio.to_thread(self._bodies.write, claim.token, answer.body)
        except OSError as error:
            raise self._unusable(error) from error
        await self._on_thread(lambda: self._keep(claim, head, len(answer.body)))

    async def settle_unknown(self, claim: Claim) -> None:
        await self._on_thread(lambda: self._settle(claim, unpaid=False))

    async def release(self, claim: Claim) -> None:
        await self._on_thread(lambda: self._settle(claim, unpaid=True))

    async def upkeep(self, claims: Sequence[Claim]) -> None:  # noqa: ARG002  # nobody can take this process's claims
        await self._on_thread(self._sweep)

    async def _read(self, row: _Row) -> bytes | None:
        try:
            return await asyncio.to_thread(self._bodies.read, row.token, row.body_bytes or 0)
        except OSError as error:
            raise self._unusable(error) from error

    async def _on_thread(self, step: Callable[[], _ResultT]) -> _ResultT:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, step)
        except (sqlite3.Error, OSError) as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> LedgerError:
        if isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
            return LedgerError(
                f"the ledger {self._file} is in use by another process; each gateway needs a file of its own,"
                " and several that serve the same callers need a Redis"
            )
        return LedgerError(f"the ledger {self._file} can't be used: {error}")

    def _open(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(self._file, isolation_level=None, timeout=0)
        try:
            # Held until the process ends, however it ends, and taken at the first read: no other lock is needed.
            self._connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            with self._transaction():
                self._prepare()
                self._settle_earlier()
            self._bodies = AnswerFiles(self._file.with_name(f"{self._file.name}.answers"))
            self._sweep()
            kept = self._connection.execute("SELECT token, body_bytes FROM call WHERE state = 'answered'").fetchall()
            self._total_bytes = sum(body_bytes for _, body_bytes in kept)
            self._bodies.remove_all_but({token for token, _ in kept})
            with self._transaction():
                dropped = self._make_room()
            self._forget(dropped)
        except BaseException:
            self._connection.close()
            raise

    def _close(self) -> None:
        self._connection.close()

    def _prepare(self) -> None:
        (schema,) = self._connection.execute("PRAGMA user_version").fetchone()
        if schema == 0:
            for statement in _TABLES.split(";\n"):
                self._connection.execute(statement)
            self._connection.execute(f"PRAGMA user_version = {_SCHEMA}")
        elif schema != _SCHEMA:
            raise LedgerError(f"the ledger {self._file} is of schema {schema}, and this imageway knows only {_SCHEMA}")

    def _settle_earlier(self) -> None:
        self._connection.execute(
            "UPDATE call SET state = 'unknown', since_s = ? WHERE state = 'sent' OR (state = 'claimed' AND doubtful)",
            (self._clock(),),
        )
        self._connection.execute("DELETE FROM call WHERE state = 'claimed'")

    def _claim(self, claim: Claim, fingerprint: str, *, retry_unknown: bool) -> Finding | _Row:
        """What came of claiming; the row where it is answered and its body is still to be read."""
        stale: _Row | None = None
        found: Finding | _Row
        with self._transaction():
            row = self._row(claim.slot)
            if row is not None and self._is_over(row):
                stale, row = row, None
            if row is None:
                found = self._take(claim, fingerprint, doubtful=False)
            elif row.fingerprint != fingerprint:
                found = "conflict"
            elif row.state == "answered":
                found = row
            elif retry_unknown:
                found = self._take(claim, fingerprint, doubtful=True)
            else:
                found = "dropped" if row.state == "dropped" else "unknown"
        if stale is not None and stale.state == "answered":
            self._total_bytes -= stale.body_bytes or 0
            self._forget([stale.token])
        return found

    def _row(self, slot: str) -> _Row | None:
        values = self._connection.execute(
            "SELECT fingerprint, token, state, doubtful, since_s, head, body_bytes FROM call WHERE slot = ?", (slot,)
        ).fetchone()
        return None if values is None else _Row(*values)

    def _is_over(self, row: _Row) -> bool:
        """Whether the key is free again: it was never sent, or all has been kept for long enough."""
        match row.state:
            case "claimed":
                return not row.doubtful
            case "sent":
                return False
            case _:
                return row.since_s + self._keep_s <= self._clock()

    def _take(self, claim: Claim, fingerprint: str, *, doubtful: bool) -> Finding:
        self._connection.execute(
            "INSERT OR REPLACE INTO call (slot, fingerprint, token, state, doubtful, since_s)"
            " VALUES (?, ?, ?, 'claimed', ?, ?)",
            (claim.slot, fingerprint, claim.token, doubtful, self._clock()),
        )
        return "taken"

    def _move(self, claim: Claim, state: str, head: bytes | None = None, body_bytes: int | None = None) -> None:
        moved = self._connection.execute(
            "UPDATE call SET state = ?, since_s = ?, head = ?, body_bytes = ? WHERE slot = ? AND token = ?",
            (state, self._clock(), head, body_bytes, claim.slot, claim.token),
        )
        if moved.rowcount == 0:
            raise ClaimLostError("the claim is gone from the ledger")

    def _keep(self, claim: Claim, head: bytes, body_bytes: int) -> None:
        before = self._total_bytes
        try:
            with self._transaction():
                self._move(claim, "answered", head, body_bytes)
                self._total_bytes += body_bytes
                dropped = self._make_room()
        except BaseException:
            self._total_bytes = before
            self._forget([claim.token])
            raise
        self._forget(dropped)

    def _make_room(self) -> list[str]:
        """Drop the oldest answers until the rest is within the limit; a key remains, so that it can't run again."""
        dropped: list[str] = []
        while self._total_bytes > self._max_bytes:
            slot, token, body_bytes = self._connection.execute(
                "SELECT slot, token, body_bytes FROM call WHERE state = 'answered' ORDER BY since_s LIMIT 1"
            ).fetchone()
            self._connection.execute("UPDATE call SET state = 'dropped', head = NULL WHERE slot = ?", (slot,))
            self._total_bytes -= body_bytes
            dropped.append(token)
        return dropped

    def _drop(self, slot: str, token: str) -> None:
        """The answer's file is gone or broken."""
        with self._transaction():
            row = self._row(slot)
            if row is None or row.token != token or row.state != "answered":
                return
            self._connection.execute("UPDATE call SET state = 'dropped', head = NULL WHERE slot = ?", (slot,))
        self._total_bytes -= row.body_bytes or 0
        _log.error("ledger.answer_lost")
        self._forget([token])

    def _settle(self, claim: Claim, *, unpaid: bool) -> None:
        with self._transaction():
            row = self._row(claim.slot)
            if row is None or row.token != claim.token:
                return
            if unpaid and not row.doubtful:
                self._connection.execute("DELETE FROM call WHERE slot = ?", (claim.slot,))
            else:
                self._move(claim, "unknown")

    def _sweep(self) -> None:
        over = ("answered", "dropped", "unknown", self._clock() - self._keep_s)
        with self._transaction():
            removed = self._connection.execute(
                "DELETE FROM call WHERE state IN (?, ?, ?) AND since_s <= ? RETURNING token, state, body_bytes", over
            ).fetchall()
        answered = [(token, body_bytes) for token, state, body_bytes in removed if state == "answered"]
        self._total_bytes -= sum(body_bytes for _, body_bytes in answered)
        self._forget([token for token, _ in answered])

    def _forget(self, tokens: Sequence[str]) -> None:
        """Remove the files of answers that the database doesn't refer to any more."""
        try:
            self._bodies.remove(tokens)
        except OSError:
            # The step has been committed; the next opening removes what is left.
            _log.exception("ledger.answer_not_removed")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise


@asynccontextmanager
async def open_sqlite_ledger(
    file: Path, *, keep_s: float, max_bytes: int, max_answer_bytes: int, clock: Callable[[], float]
) -> AsyncIterator[SqliteLedger]:
    """The ledger in *file*, which no other process may have. *clock* tells Unix seconds. Raises `LedgerError`."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger") as thread:
        ledger = SqliteLedger(
            file, thread, keep_s=keep_s, max_bytes=max_bytes, max_answer_bytes=max_answer_bytes, clock=clock
        )
        await ledger.open()
        try:
            yield ledger
        finally:
            await ledger.close()
