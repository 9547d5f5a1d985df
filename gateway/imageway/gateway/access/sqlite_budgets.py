"""Budgets in one file of SQLite, for one process."""

import asyncio
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from imageway.gateway.access.budgets import Period, budgets_unusable

__all__ = ("SqliteBudgets",)

_SCHEMA = 1


class SqliteBudgets:
    """Sums in one file, for one process at a time. Raises `ImageError` where the file can't be used."""

    def __init__(self, file: Path | None) -> None:
        """Without a *file* the sums live as long as the object."""
        self._lock = threading.Lock()
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(
            ":memory:" if file is None else file, isolation_level=None, check_same_thread=False
        )
        self._connection.execute("PRAGMA journal_mode = WAL")
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version > _SCHEMA:
            self._connection.close()
            raise ValueError(f"{file} was written by a newer release (schema {version}, this one knows {_SCHEMA})")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS spent"
            " (key TEXT, period TEXT, micro_usd INTEGER NOT NULL, PRIMARY KEY (key, period)) WITHOUT ROWID"
        )
        self._connection.execute(f"PRAGMA user_version = {_SCHEMA}")

    async def check(self) -> None:
        """Nothing: the file was opened when this was made."""

    async def reserve(self, periods: Sequence[Period], micro_usd: int) -> Period | None:
        return await asyncio.to_thread(self._reserve, periods, micro_usd)

    async def settle(self, periods: Sequence[Period], difference_micro_usd: int) -> None:
        await asyncio.to_thread(self._settle, periods, difference_micro_usd)

    async def spent(self, periods: Sequence[Period]) -> Mapping[str, int]:
        return await asyncio.to_thread(self._spent, periods)

    async def aclose(self) -> None:
        with self._lock:
            self._connection.close()

    def _reserve(self, periods: Sequence[Period], micro_usd: int) -> Period | None:
        with self._transaction():
            for period in periods:
                if self._sum(period) + micro_usd > period.limit_micro_usd:
                    return period
            self._add(periods, micro_usd)
        return None

    def _settle(self, periods: Sequence[Period], difference_micro_usd: int) -> None:
        with self._transaction():
            self._add(periods, difference_micro_usd)

    def _spent(self, periods: Sequence[Period]) -> Mapping[str, int]:
        with self._transaction():
            return {period.name: self._sum(period) for period in periods}

    def _sum(self, period: Period) -> int:
        found = self._connection.execute(
            "SELECT micro_usd FROM spent WHERE key = ? AND period = ?", (period.key, period.name)
        ).fetchone()
        return int(found[0]) if found else 0

    def _add(self, periods: Sequence[Period], micro_usd: int) -> None:
        for period in periods:
            self._connection.execute(
                "INSERT INTO spent VALUES (?, ?, ?)"
                " ON CONFLICT DO UPDATE SET micro_usd = micro_usd + excluded.micro_usd",
                (period.key, period.name, micro_usd),
            )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """One writer at a time; rows are fetched under the lock, because threads share prepared statements."""
        try:
            with self._lock:
                self._connection.execute("BEGIN IMMEDIATE")
                try:
                    yield
                except BaseException:
                    self._connection.execute("ROLLBACK")
                    raise
                self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise budgets_unusable() from error
