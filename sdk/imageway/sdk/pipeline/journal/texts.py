"""Calls that are answered with text: an intent before each is sent, and the answer itself as its receipt."""

import json
import sqlite3
from datetime import UTC, datetime

from imageway.contract.request import JsonValue
from imageway.sdk.pipeline.events import RecordFault
from imageway.sdk.pipeline.files.provenance import read_fault
from imageway.sdk.pipeline.journal.file import JournalFile, sql_text

__all__ = ("TextCalls", "begin", "now")


class TextCalls:
    """Those of one run. Methods may be called from any thread."""

    def __init__(self, file: JournalFile, run: int, drawer: str) -> None:
        self._file = file
        self._run = run
        self._drawer = drawer

    def standing(self, key: str) -> str | RecordFault | None:
        """What the call of *key* was answered with, how it failed, or None where it is to be sent."""
        rows = self._file.read("SELECT state, answered, fault FROM call WHERE key = ?", key)
        match rows:
            case [("answered", str(answered), _)]:
                return str(json.loads(answered)["text"])
            case [("failed" | "unknown", _, str(fault))]:
                return read_fault(fault)
            case _:
                return None

    def intend(self, key: str, *, record_id: str, node: str, draw: int, asked: str) -> int:
        """Note that the call is about to be sent; how often it was, this time included."""
        values = (key, self._run, sql_text(record_id), sql_text(node), draw, self._drawer, None, now(), asked)

        def work(connection: sqlite3.Connection) -> int:
            begin(connection, values)
            (attempts,) = connection.execute("SELECT attempts FROM call WHERE key = ?", (key,)).fetchone()
            return int(attempts)

        return self._file.write(work)

    def keep(self, key: str, text: str, *, request_id: str | None, usage: JsonValue) -> None:
        """Note durably what the call was answered with."""
        counted = None if usage is None else json.dumps(usage)
        values = (now(), request_id, counted, json.dumps({"text": text}, ensure_ascii=False), key)

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE call SET state = 'answered', ended_at = ?, request_id = ?, usage = ?, answered = ?,"
                " fault = NULL, billed = 0 WHERE key = ?",
                values,
            )

        self._file.write(work, durable=True)


def begin(connection: sqlite3.Connection, values: tuple[object, ...]) -> None:
    """Note that a call is in flight, once more where it was before; what that may have cost stays noted.

    *values* are its key, run, record, node, draw, drawer, stem, time and what is asked.
    """
    connection.execute(
        "INSERT INTO call (key, run, record, node, draw, drawer, stem, state, attempts, sent_at, asked)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, 'in flight', 1, ?, ?) ON CONFLICT (key) DO UPDATE SET"
        " stem = excluded.stem, state = 'in flight', attempts = attempts + 1, sent_at = excluded.sent_at,"
        " asked = excluded.asked, fault = NULL, billed = high_usd IS NOT NULL AND (billed OR state = 'in flight'),"
        " high_usd = CASE WHEN billed OR state = 'in flight' THEN high_usd END",
        values,
    )


def now() -> str:
    return datetime.now(tz=UTC).isoformat(timespec="milliseconds")
