"""What a folder's runs have paid for: an intent before each call is sent, a receipt once its pictures are on the disk.

A call's key is made of the record, the node and all that is sent, so a rerun finds the receipts of what hasn't changed,
and sends what was in flight under the same key as before.
"""

import secrets
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from imageway.contract.request import ImageInput, ImageRequest

__all__ = ("EarlierPictureError", "Journal", "JournalError", "open_journal")

_SCHEMA = 1
_TABLES = """
CREATE TABLE run (id TEXT NOT NULL, replacing INTEGER NOT NULL);
CREATE TABLE call (key TEXT PRIMARY KEY, record TEXT NOT NULL, node TEXT NOT NULL, pictures TEXT) WITHOUT ROWID;
"""


class JournalError(Exception):
    """The journal can't be read or written; the sentence says why."""


class EarlierPictureError(Exception):
    """Under the name of a picture to be drawn lies one of another call, which may have been paid for."""


class Journal:
    """The journal of one output folder; open it with `open_journal`. Its methods may be called from any thread."""

    def __init__(self, connection: sqlite3.Connection, output: Path, drawer: str, *, replacing: bool) -> None:
        self._connection = connection
        self._output = output
        self._drawer = drawer
        self._lock = threading.Lock()
        run = self._execute("SELECT id, replacing FROM run")
        if run is None or replacing:
            run = (secrets.token_hex(8), replacing)
            self._execute("DELETE FROM run")
            self._execute("INSERT INTO run VALUES (?, ?)", *run)
        self._run, self._replacing = run[0], bool(run[1])

    def key(self, record_id: str, node: str, request: ImageRequest, *, draw: int = 1) -> str:
        """The call's name towards the gateway and in here; hashes the pictures.

        *draw* counts, from 1, how often *node* draws for the record: in a loop, equal requests are several draws.
        """
        mask = None if request.mask is None else _digest(request.mask)
        content = (request.operation, request.model, request.params, [_digest(image) for image in request.images], mask)
        call = (record_id, node) if draw == 1 else (record_id, node, draw)
        text = msgspec.json.encode((self._run, self._drawer, *call, content), order="deterministic")
        return f"imageway-{sha256(text).hexdigest()}"

    def receipt(self, key: str) -> tuple[Path, ...] | None:
        """The pictures that the call was answered with; None where there is no receipt, or a file isn't as it was."""
        row = self._execute("SELECT pictures FROM call WHERE key = ?", key)
        if row is None or row[0] is None:
            return None
        kept = msgspec.json.decode(row[0], type=list[tuple[str, str]])
        paths = tuple(self._output / name for name, _ in kept)
        whole = all(
            path.is_file() and sha256(path.read_bytes()).hexdigest() == digest
            for path, (_, digest) in zip(paths, kept, strict=True)
        )
        return paths if whole else None

    def intend(self, key: str, record_id: str, node: str, *, stem: Path, replace: bool) -> None:
        """Note durably that the call is about to be sent; its pictures will be called *stem* and an index.

        Raises `EarlierPictureError` where such a picture is there, the call is a new one, and nobody said *replace*.
        """
        known = self._execute("SELECT 1 FROM call WHERE key = ?", key) is not None
        if not known and not replace and not self._replacing:
            earlier = next(stem.parent.glob(f"{_escaped(stem.name)}_[0-9]*.*"), None) if stem.parent.is_dir() else None
            if earlier is not None:
                raise EarlierPictureError(
                    f"{earlier.name} is there already, drawn by another request that may have cost money;"
                    " write elsewhere with -o, or draw anew with --replace"
                )
        self._execute("INSERT OR IGNORE INTO call (key, record, node) VALUES (?, ?, ?)", key, record_id, node)

    def keep(self, key: str, paths: Sequence[Path]) -> None:
        """Note durably what the call was answered with. The files are on the disk already."""
        kept = [(path.relative_to(self._output).as_posix(), sha256(path.read_bytes()).hexdigest()) for path in paths]
        self._execute("UPDATE call SET pictures = ? WHERE key = ?", msgspec.json.encode(kept).decode(), key)

    def _execute(self, statement: str, *values: object) -> tuple[Any, ...] | None:
        """The first row that *statement* gives. It is fetched under the lock: threads share the prepared statements."""
        try:
            with self._lock:
                row: tuple[Any, ...] | None = self._connection.execute(statement, values).fetchone()
        except sqlite3.Error as error:
            raise JournalError(f"the journal in {self._output / '.imageway'} can't be used: {error}") from error
        return row


@contextmanager
def open_journal(output: Path, drawer: str, *, replacing: bool = False) -> Iterator[Journal]:
    """The journal in *output*, which the caller has locked. *drawer* names who draws: another one's calls are others.

    *replacing* begins a new run, in which nothing is taken from earlier ones and their pictures may be replaced.
    Raises `JournalError`.
    """
    file = output.absolute() / ".imageway" / "state.sqlite3"
    try:
        connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    except sqlite3.Error as error:
        raise JournalError(f"the journal {file} can't be opened: {error}") from error
    try:
        _prepare(connection, file)
        yield Journal(connection, output.absolute(), drawer, replacing=replacing)
    finally:
        connection.close()


def _prepare(connection: sqlite3.Connection, file: Path) -> None:
    try:
        (schema,) = connection.execute("PRAGMA user_version").fetchone()
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        if schema == 0:
            connection.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {_SCHEMA}; COMMIT;")
        elif schema != _SCHEMA:
            raise JournalError(f"the journal {file} is of schema {schema}, and this imageway knows only {_SCHEMA}")
    except sqlite3.Error as error:
        raise JournalError(f"the journal {file} can't be used: {error}") from error


def _digest(image: ImageInput) -> str:
    return sha256(image.content).hexdigest()


def _escaped(name: str) -> str:
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in name)
