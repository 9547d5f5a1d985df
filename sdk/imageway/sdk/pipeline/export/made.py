"""Which files exports have made, noted beside the run's journal: those may be written over by a later export."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from imageway.sdk.pipeline.journal.file import sql_text

__all__ = ("Made", "open_made")


class Made:
    """The notes of one output folder. Where they can't be read nothing is known, and `complete` is False.

    A file is known by its name and a stamp, which changes when somebody else writes to it.
    """

    def __init__(self, connection: sqlite3.Connection | None) -> None:
        self._connection = connection
        self.complete = connection is not None

    def knows(self, name: str, stamp: str) -> bool:
        if self._connection is None:
            return False
        try:
            rows = self._connection.execute("SELECT stamp FROM made WHERE name = ?", (sql_text(name),)).fetchall()
        except sqlite3.Error:
            return False
        return rows == [(stamp,)]

    def note(self, name: str, stamp: str) -> None:
        """Note a file that is in its place; that it can't be noted is no reason to give up the export."""
        if self._connection is None:
            return
        try:
            self._connection.execute("INSERT OR REPLACE INTO made (name, stamp) VALUES (?, ?)", (sql_text(name), stamp))
        except sqlite3.Error:
            self.complete = False


@contextmanager
def open_made(output: Path) -> Iterator[Made]:
    """The notes of the runs in *output*, which may lie on a disk that takes no writes."""
    path = output.absolute() / ".imageway" / "exports.sqlite3"
    try:
        connection = sqlite3.connect(path, isolation_level=None)
    except sqlite3.Error:
        yield Made(None)
        return
    with closing(connection):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("CREATE TABLE IF NOT EXISTS made (name TEXT PRIMARY KEY, stamp TEXT NOT NULL)")
        except sqlite3.Error:
            yield Made(None)
        else:
            yield Made(connection)
