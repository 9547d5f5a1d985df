"""The journal's file: an SQLite database in `.imageway/`, its schema, and what becomes of older schemas.

Writers share commits, be they threads or tasks: whoever holds the lock writes down what all of them have brought.
"""

import asyncio
import json
import sqlite3
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from imageway.sdk.pipeline.files.sink import sync_folder
from imageway.sdk.pipeline.hands import Hands

__all__ = (
    "JournalError",
    "JournalFile",
    "NoRunError",
    "OlderJournalError",
    "journal_path",
    "open_journal_file",
    "open_to_read",
    "sql_text",
)

SCHEMA = 2
_TABLES = """
CREATE TABLE run (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, replacing INTEGER NOT NULL DEFAULT 0,
    fresh INTEGER NOT NULL DEFAULT 0, pass INTEGER NOT NULL DEFAULT 0, task TEXT, drawer TEXT, plan TEXT,
    began_at TEXT, ended_at TEXT, total INTEGER, stopped TEXT
);
CREATE TABLE call (
    key TEXT PRIMARY KEY, run INTEGER NOT NULL, record TEXT NOT NULL, node TEXT NOT NULL, draw INTEGER NOT NULL,
    drawer TEXT NOT NULL, stem TEXT, state TEXT NOT NULL, attempts INTEGER NOT NULL, sent_at TEXT, ended_at TEXT,
    pictures INTEGER NOT NULL DEFAULT 0, single INTEGER NOT NULL DEFAULT 0, request_id TEXT, cost_usd TEXT, usage TEXT,
    high_usd TEXT, fault TEXT, billed INTEGER NOT NULL DEFAULT 0, asked TEXT, answered TEXT
);
CREATE INDEX call_of_record ON call (run, record);
CREATE INDEX call_of_stem ON call (stem);
CREATE TABLE picture (
    path TEXT PRIMARY KEY, call TEXT NOT NULL, place INTEGER NOT NULL, sha256 TEXT NOT NULL, facts TEXT
);
CREATE INDEX picture_of_call ON picture (call, place);
CREATE TABLE record (
    run INTEGER NOT NULL, position INTEGER NOT NULL, id TEXT NOT NULL, pass INTEGER NOT NULL, outcome TEXT NOT NULL,
    code TEXT, fault TEXT, attempts INTEGER NOT NULL, cost_usd TEXT, row TEXT NOT NULL, PRIMARY KEY (run, position)
);
CREATE INDEX record_of_id ON record (run, id);
CREATE INDEX record_of_code ON record (run, code) WHERE code IS NOT NULL;
CREATE TABLE redo (
    run INTEGER NOT NULL, call TEXT NOT NULL, list TEXT NOT NULL, PRIMARY KEY (run, call, list)
) WITHOUT ROWID;
CREATE TABLE name (folded TEXT PRIMARY KEY, owner TEXT NOT NULL) WITHOUT ROWID;
"""

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]


class JournalError(Exception):
    """The journal can't be read or written; the sentence says why."""


class NoRunError(JournalError):
    """There is no run that could be looked at; one can begin there."""


class OlderJournalError(JournalError):
    """A run has to bring the journal up to date before it can be looked at."""


class _Job(Generic[T]):
    """A change, by a thread that waits for the lock, or by a task that waits for *future*."""

    def __init__(
        self, work: Work[T], *, durable: bool, folder: Path | None = None, future: "asyncio.Future[T] | None" = None
    ) -> None:
        self.work = work
        self.durable = durable
        self.folder = folder
        self.future = future
        self.ended = False
        self.error: Exception | None = None
        self.value: T | None = None


class JournalFile:
    """An open journal. Its methods may be called from any thread, and raise `JournalError`."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._writer = Hands(1, "imageway-journal")
        self._lock = threading.Lock()
        self._waiting: deque[_Job[Any]] = deque()
        self._called = False
        self._durable: bool | None = None

    def close(self) -> None:
        self._writer.close()
        self._connection.close()

    def read(self, statement: str, *values: object) -> list[Any]:
        """All rows that *statement* gives; it must be bounded."""
        with self._lock:
            try:
                return self._connection.execute(statement, values).fetchall()
            except sqlite3.Error as error:
                raise self._fault(error) from error

    def stream(self, statement: str, *values: object) -> Iterator[Any]:
        """The rows of *statement*, fetched a few hundred at a time; what is written meanwhile may or may not be there.

        The lock isn't held between the fetches.
        """
        with self._lock:
            try:
                cursor = self._connection.execute(statement, values)
                rows = cursor.fetchmany(200)
            except sqlite3.Error as error:
                raise self._fault(error) from error
        while rows:
            yield from rows
            with self._lock:
                try:
                    rows = cursor.fetchmany(200)
                except sqlite3.Error as error:
                    raise self._fault(error) from error

    def write(self, work: Work[T], *, durable: bool = False) -> T:
        """What *work* gives, once its changes are committed; *durable* ones are on the disk then.

        What *work* raises, before it has changed anything, is raised here.
        """
        job = _Job(work, durable=durable)
        self._waiting.append(job)
        with self._lock:
            if not job.ended:
                self._commit()
        if job.error is not None:
            raise job.error
        return job.value  # type: ignore[return-value]  # a job without an error has a value

    async def written(self, work: Work[T]) -> T:
        """`write` for a task: cheaper than a thread for each, since one turn of a thread is for all that are waiting.

        A task that is cancelled doesn't take its change back.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._bring(_Job(work, durable=False, future=future))
        return await future

    def hand_in(self, work: Work[T], future: "asyncio.Future[T]", *, folder: Path | None) -> None:
        """`write` from a thread, durably, for the task that waits for *future*; the thread needn't wait.

        The names of the files in *folder* are on the disk before. `OSError` is among what *future* may raise.
        """
        self._bring(_Job(work, durable=True, folder=folder, future=future))

    def _bring(self, job: _Job[Any]) -> None:
        self._waiting.append(job)
        if not self._called:
            self._called = True
            try:
                self._writer.hand(self._settle)
            except RuntimeError:  # no thread can be had: better slowly than never, for whoever relies on this call too
                self._settle()

    def _settle(self) -> None:
        self._called = False  # before looking: whoever comes after that calls anew
        with self._lock:
            if self._waiting:
                self._commit()

    def _commit(self) -> None:
        jobs = [self._waiting.popleft() for _ in range(len(self._waiting))]
        _sync_folders(jobs)
        sound = [job for job in jobs if job.error is None]
        try:
            durable = any(job.durable for job in sound)
            if durable is not self._durable:
                self._connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
                self._durable = durable
            self._connection.execute("BEGIN IMMEDIATE")
            for job in sound:
                try:
                    job.value = job.work(self._connection)
                except sqlite3.Error:
                    raise
                except Exception as error:  # noqa: BLE001  # it belongs to whoever brought the job
                    job.error = error
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            for job in sound:
                job.error = self._fault(error)
            with suppress(sqlite3.Error):  # the next transaction says what is wrong
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
        finally:
            for job in jobs:
                job.ended = True
            _tell(jobs)

    def _fault(self, error: sqlite3.Error) -> JournalError:
        return JournalError(f"the journal {self._path} can't be used: {error}")


def _sync_folders(jobs: Iterable[_Job[Any]]) -> None:
    by_folder: defaultdict[Path, list[_Job[Any]]] = defaultdict(list)
    for job in jobs:
        if job.folder is not None:
            by_folder[job.folder].append(job)
    for folder, found in by_folder.items():
        try:
            sync_folder(folder)
        except OSError as error:
            for job in found:
                job.error = error


def _tell(jobs: Iterable[_Job[Any]]) -> None:
    """Have the tasks that wait for *jobs* go on; a loop is woken once for all of its own."""
    by_loop: defaultdict[asyncio.AbstractEventLoop, list[_Job[Any]]] = defaultdict(list)
    for job in jobs:
        if job.future is not None:
            by_loop[job.future.get_loop()].append(job)
    for loop, found in by_loop.items():
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_told, found)


def _told(jobs: Iterable[_Job[Any]]) -> None:
    for job in jobs:
        if job.future is None or job.future.done():
            continue
        if job.error is not None:
            job.future.set_exception(job.error)
        else:
            job.future.set_result(job.value)


def journal_path(output: Path) -> Path:
    return output.absolute() / ".imageway" / "state.sqlite3"


@contextmanager
def open_journal_file(output: Path) -> Iterator[JournalFile]:
    """The journal in *output*, to write; a new one where there is none. Raises `JournalError`."""
    path = journal_path(output)
    try:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    except sqlite3.Error as error:
        raise JournalError(f"the journal {path} can't be opened: {error}") from error
    file = JournalFile(connection, path)
    try:
        _prepare(connection, path)
        yield file
    finally:
        file.close()


@contextmanager
def open_to_read(output: Path) -> Iterator[JournalFile]:
    """The journal in *output*, which may be in use, or on a disk that can't be written.

    Raises `NoRunError`, `OlderJournalError`, and `JournalError` for one that can't be read.
    """
    path = journal_path(output)
    if not path.exists():
        raise NoRunError(f"{output} holds no run: there is no {path}")
    connection, schema = _opened_to_read(path)
    file = JournalFile(connection, path)
    try:
        if schema == 0:
            raise NoRunError(f"{output} holds no run: there is none in {path} yet")
        told = f"the journal {path} is of schema {schema}, and this imageway reads schema {SCHEMA}"
        if schema < SCHEMA:
            raise OlderJournalError(f"{told}: run the task again, which brings it up to date")
        if schema > SCHEMA:
            raise JournalError(f"{told}: update imageway")
        yield file
    finally:
        file.close()


def sql_text(text: str) -> str:
    """*text* as SQLite can keep it: halves of surrogate pairs become their escapes."""
    return text.encode(errors="backslashreplace").decode()


def _opened_to_read(path: Path) -> tuple[sqlite3.Connection, int]:
    """On a disk that takes no writes there can be no shared memory beside the file: it is read as it lies there."""
    for options in ("mode=ro", "mode=ro&immutable=1"):
        connection = None
        try:
            address = f"file:{quote(str(path))}?{options}"
            connection = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
            (schema,) = connection.execute("PRAGMA user_version").fetchone()
            connection.execute("SELECT name FROM sqlite_schema LIMIT 1").fetchone()
        except sqlite3.Error as error:
            if connection is not None:
                connection.close()
            if "immutable" in options or not isinstance(error, sqlite3.OperationalError):
                raise JournalError(f"the journal {path} can't be read: {error}") from error
            continue
        return connection, schema
    raise AssertionError("the last way to open either works or raises")


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    try:
        (schema,) = connection.execute("PRAGMA user_version").fetchone()
        if schema > SCHEMA:
            raise JournalError(
                f"the journal {path} is of schema {schema}, and this imageway knows only {SCHEMA}:"
                " it was written by a newer one; update imageway, or write elsewhere with -o"
            )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA wal_autocheckpoint = 4000")
        if schema == SCHEMA:
            return
        connection.execute("BEGIN EXCLUSIVE")
        if schema == 1:
            _from_schema_1(connection)
        else:
            _create(connection)
        connection.execute(f"PRAGMA user_version = {SCHEMA}")
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise JournalError(f"the journal {path} can't be used: {error}") from error


def _create(connection: sqlite3.Connection) -> None:
    for statement in _TABLES.split(";"):
        connection.execute(statement)


def _from_schema_1(connection: sqlite3.Connection) -> None:
    """Schema 1 knew one run, and of its calls the keys and the pictures."""
    connection.execute("ALTER TABLE run RENAME TO old_run")
    connection.execute("ALTER TABLE call RENAME TO old_call")
    _create(connection)
    connection.execute("INSERT INTO run (number, id, replacing) SELECT 1, id, replacing FROM old_run")
    for key, record, node, pictures in connection.execute("SELECT key, record, node, pictures FROM old_call"):
        kept = [] if pictures is None else json.loads(pictures)
        stem = kept[0][0].rpartition("_")[0] if kept else None
        connection.execute(
            "INSERT INTO call (key, run, record, node, draw, drawer, stem, state, attempts, pictures, single)"
            " VALUES (?, 1, ?, ?, 1, '', ?, ?, 1, ?, ?)",
            (key, record, node, stem, "answered" if kept else "in flight", len(kept), len(kept) == 1),
        )
        connection.executemany(
            "INSERT OR REPLACE INTO picture (path, call, place, sha256) VALUES (?, ?, ?, ?)",
            [(name, key, place, digest) for place, (name, digest) in enumerate(kept)],
        )
    connection.execute("DROP TABLE old_run")
    connection.execute("DROP TABLE old_call")
