"""Records told apart: ids by rule, and none twice, however many there are."""

import sqlite3
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from imageway.contract.request import JsonValue
from imageway.contract.wording import type_word
from imageway.sdk.pipeline.data.row import RowFault

__all__ = ("SeenIds", "record_id")


def record_id(fields: Mapping[str, JsonValue], id_column: str | None, position: int) -> tuple[str, RowFault | None]:
    """A record's id as text: of *id_column*, else of the column `id`, else `record_` and the position from 1.

    An id is text or a whole number; where it isn't, the fault says so.
    """
    fallback = f"record_{position}"
    column = id_column or "id"
    match fields.get(column):
        case None if id_column is None:
            return fallback, None
        case None:
            return fallback, _fault(column, f"there is no '{column}' in this record, which is its id")
        case bool() | float() | list() | dict() as value:
            kind = type_word(value)
            return fallback, _fault(column, f"'{column}' must be text or a whole number to be an id, but it is {kind}")
        case value if not str(value).strip():
            return fallback, _fault(column, f"'{column}' is empty; an id is needed")
        case value:
            return str(value), None


class SeenIds:
    """Which ids were there already. SQLite keeps them in a file of its own that goes when this is closed, so that
    millions take no memory worth speaking of. One thread at a time.
    """

    def __init__(self) -> None:
        self._connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode = OFF")
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.execute("CREATE TABLE seen (id TEXT PRIMARY KEY, position INTEGER) WITHOUT ROWID")
        self._connection.execute("BEGIN")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    def duplicate(self, record_id: str, position: int) -> RowFault | None:
        """Note that the record at *position* has *record_id*; the fault where an earlier one has it too."""
        # Halves of surrogate pairs are no text for SQLite.
        key = record_id.encode("utf-8", "surrogatepass")
        added = self._connection.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (key, position)).rowcount
        if added:
            return None
        (first,) = self._connection.execute("SELECT position FROM seen WHERE id = ?", (key,)).fetchone()
        message = f"id '{record_id}' is already used by record {first}"
        return RowFault(code="duplicate_id", message=message, param="id")


def _fault(column: str, message: str) -> RowFault:
    return RowFault(code="invalid_id", message=message, param=column)
