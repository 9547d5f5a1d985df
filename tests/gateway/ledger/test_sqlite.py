"""The ledger of one process: restarts, sudden death, room, age, and disks that fail."""

import asyncio
import json
import logging
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from fakes.keyed import BILLED, Till, answer, refusal, run
from fakes.ledger_stores import SqliteStore
from imageway.contract.errors import ErrorCode, ImageError
from imageway.gateway.ledger.keyed import Answered, keyed_calls
from imageway.gateway.ledger.protocol import LedgerError

TESTS = Path(__file__).resolve().parents[2]

CHILD = """
import asyncio, os, resource, signal, sys
from pathlib import Path
from fakes.keyed import Till, answer, run
from fakes.ledger_stores import SqliteStore
from imageway.contract.errors import ImageError
from imageway.gateway.ledger.keyed import keyed_calls

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def fill_the_disk():
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))

def repair_the_disk():
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

async def told(calls, call):
    try:
        answered = await run(calls, call)
        print(answered.answer.body.decode(), flush=True)
    except ImageError as error:
        print(f"{error.code}, billed: {error.may_have_billed}", flush=True)

async def scenario(store, till):
    async with store.open() as ledger, keyed_calls(ledger) as calls:
BODY

asyncio.run(scenario(SqliteStore(Path(sys.argv[1])), Till()))
"""


def child(file: Path, body: str) -> subprocess.CompletedProcess[str]:
    """A process of its own that does *body* with a ledger in *file*."""
    program = CHILD.replace("BODY", "\n".join(f"        {line}" for line in body.strip().splitlines()))
    return subprocess.run(
        [sys.executable, "-c", program, str(file)], capture_output=True, text=True, timeout=60, cwd=TESTS, check=False
    )


def repeat(store: SqliteStore, **options: bool) -> Answered | ErrorCode:
    async def scenario() -> Answered | ErrorCode:
        async with store.open() as ledger, keyed_calls(ledger) as calls:
            try:
                return await run(calls, Till().answering(), **options)
            except ImageError as error:
                return error.code

    return asyncio.run(scenario())


def test_a_call_that_was_sent_when_its_process_was_killed_is_unknown(sqlite_store: SqliteStore) -> None:
    died = child(
        sqlite_store.file,
        """
async def call(mark_sent):
    await mark_sent()
    die()
await run(calls, call)
""",
    )

    assert died.returncode == -signal.SIGKILL, died.stderr
    assert repeat(sqlite_store) == ErrorCode.OUTCOME_UNKNOWN
    assert repeat(sqlite_store, retry_unknown=True) == Answered(answer=answer(), replayed=False)


def test_a_call_that_was_not_sent_when_its_process_was_killed_is_free(sqlite_store: SqliteStore) -> None:
    died = child(
        sqlite_store.file,
        """
async def call(mark_sent):
    die()
await run(calls, call)
""",
    )

    assert died.returncode == -signal.SIGKILL, died.stderr
    assert repeat(sqlite_store) == Answered(answer=answer(), replayed=False)


def test_a_retry_that_was_not_sent_when_its_process_was_killed_leaves_the_first_unknown(
    sqlite_store: SqliteStore,
) -> None:
    died = child(
        sqlite_store.file,
        """
async def first(mark_sent):
    await mark_sent()
    raise RuntimeError
async def second(mark_sent):
    die()
await asyncio.gather(run(calls, first), return_exceptions=True)
await run(calls, second, retry_unknown=True)
""",
    )

    assert died.returncode == -signal.SIGKILL, died.stderr
    assert repeat(sqlite_store) == ErrorCode.OUTCOME_UNKNOWN


def test_an_answer_outlives_the_process_that_was_killed_after_it(sqlite_store: SqliteStore) -> None:
    died = child(sqlite_store.file, "await run(calls, till.answering(b'kept'))\ndie()")

    assert died.returncode == -signal.SIGKILL, died.stderr
    assert repeat(sqlite_store) == Answered(answer=answer(b"kept"), replayed=True)


def test_a_full_disk_refuses_before_anything_is_sent(sqlite_store: SqliteStore) -> None:
    ran = child(
        sqlite_store.file,
        """
fill_the_disk()
await told(calls, till.answering())
repair_the_disk()
print(till.paid)
await told(calls, till.answering())
""",
    )

    assert ran.stdout.splitlines() == ["upstream_unavailable, billed: False", "0", "picture"], ran.stderr


def test_a_disk_that_is_full_at_the_mark_refuses_and_the_key_stays_free(sqlite_store: SqliteStore) -> None:
    ran = child(
        sqlite_store.file,
        """
async def call(mark_sent):
    fill_the_disk()
    try:
        await mark_sent()
    finally:
        repair_the_disk()
    raise AssertionError
await told(calls, call)
await told(calls, till.answering())
""",
    )

    assert ran.stdout.splitlines() == ["upstream_unavailable, billed: False", "picture"], ran.stderr


def test_an_answer_that_cannot_be_kept_goes_out_and_its_key_is_unknown(sqlite_store: SqliteStore) -> None:
    ran = child(
        sqlite_store.file,
        """
async def call(mark_sent):
    await mark_sent()
    fill_the_disk()
    return answer(b"paid for")
await told(calls, call)
repair_the_disk()
print(store.bodies)
await told(calls, till.answering())
""",
    )

    assert ran.stdout.splitlines() == ["paid for", "[]", "outcome_unknown, billed: True"], ran.stderr
    assert "ledger.keep_failed" in ran.stderr
    assert repeat(sqlite_store) == ErrorCode.OUTCOME_UNKNOWN


def test_an_unpaid_retry_that_cannot_be_noted_leaves_the_first_unknown(sqlite_store: SqliteStore) -> None:
    ran = child(
        sqlite_store.file,
        """
async def lost(mark_sent):
    await mark_sent()
    raise RuntimeError
async def unpaid(mark_sent):
    fill_the_disk()
    raise RuntimeError
await asyncio.gather(run(calls, lost), return_exceptions=True)
await asyncio.gather(run(calls, unpaid, retry_unknown=True), return_exceptions=True)
repair_the_disk()
await told(calls, till.answering())
""",
    )

    assert ran.stdout.splitlines() == ["outcome_unknown, billed: True"], ran.stderr


def test_a_second_process_is_told_that_the_file_is_in_use(sqlite_store: SqliteStore) -> None:
    async def scenario() -> subprocess.CompletedProcess[str]:
        async with sqlite_store.open():
            return await asyncio.to_thread(child, sqlite_store.file, "pass")

    ran = asyncio.run(scenario())
    assert ran.stderr.splitlines()[-1] == (
        f"imageway.gateway.ledger.protocol.LedgerError: the ledger {sqlite_store.file} is in use by another process;"
        " each gateway needs a file of its own, and several that serve the same callers need a Redis"
    )


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        ("PRAGMA user_version = 2", "the ledger {} is of schema 2, and this imageway knows only 1"),
        ("text", "the ledger {} can't be used: file is not a database"),
    ],
)
def test_a_file_that_is_not_ours_is_refused_and_left_alone(
    sqlite_store: SqliteStore, damage: str, sentence: str
) -> None:
    sqlite_store.file.parent.mkdir()
    if damage == "text":
        sqlite_store.file.write_text("no database, but long enough to look like one" * 20)
    else:
        connection = sqlite3.connect(sqlite_store.file)
        connection.execute(damage)
        connection.close()

    async def scenario() -> None:
        async with sqlite_store.open():
            pass

    with pytest.raises(LedgerError) as caught:
        asyncio.run(scenario())
    assert str(caught.value) == sentence.format(sqlite_store.file)


def test_the_oldest_answers_make_room_and_their_keys_do_not_run_again(sqlite_store: SqliteStore) -> None:
    till = Till()

    async def scenario() -> list[bool | ErrorCode]:
        seen: list[bool | ErrorCode] = []
        async with sqlite_store.open(max_bytes=20) as ledger, keyed_calls(ledger) as calls:
            await refusal(calls, till.failing(BILLED, paid=True), key="unknown")
            for key in ("a", "b", "c"):
                sqlite_store.clock.now_s += 1
                await run(calls, till.answering(b"0123456789"), key=key)
            seen += [(await refusal(calls, till.answering(), key=key)).code for key in ("unknown", "a")]
            seen += [(await run(calls, till.answering(), key=key)).replayed for key in ("b", "c")]
        async with sqlite_store.open(max_bytes=10) as ledger, keyed_calls(ledger) as calls:
            seen.append((await refusal(calls, till.answering(), key="b")).code)
            seen.append((await run(calls, till.answering(), key="c")).replayed)
        return seen

    unknown = ErrorCode.OUTCOME_UNKNOWN
    assert asyncio.run(scenario()) == [unknown, unknown, True, True, unknown, True]
    assert [path.read_bytes() for path in sqlite_store.bodies] == [b"0123456789"]
    assert till.paid == 4


def test_everything_that_is_settled_is_kept_to_the_second(sqlite_store: SqliteStore) -> None:
    till = Till()

    async def scenario() -> list[bool | ErrorCode]:
        async with sqlite_store.open(keep_s=100) as ledger, keyed_calls(ledger) as calls:
            await run(calls, till.answering())
            await refusal(calls, till.failing(BILLED), key="unknown")
            sqlite_store.clock.now_s += 99
            early: list[bool | ErrorCode] = [
                (await run(calls, till.answering())).replayed,
                (await refusal(calls, till.answering(), key="unknown")).code,
            ]
            sqlite_store.clock.now_s += 1
            late = [(await run(calls, till.answering(), key=key, fingerprint="g")).replayed for key in ("k", "unknown")]
            return [*early, *late]

    assert asyncio.run(scenario()) == [True, ErrorCode.OUTCOME_UNKNOWN, False, False]
    assert len(sqlite_store.bodies) == 2


def test_a_key_that_runs_again_after_its_time_gives_back_the_room_of_its_first_answer(
    sqlite_store: SqliteStore,
) -> None:
    till = Till()

    async def scenario() -> list[bool]:
        async with sqlite_store.open(keep_s=100, max_bytes=20) as ledger, keyed_calls(ledger) as calls:
            await run(calls, till.answering(b"0123456789"), key="a")
            sqlite_store.clock.now_s += 100
            for key in ("a", "b"):
                await run(calls, till.answering(b"0123456789"), key=key)
            return [(await run(calls, till.answering(), key=key)).replayed for key in ("a", "b")]

    assert asyncio.run(scenario()) == [True, True]


def test_upkeep_removes_what_is_over_and_makes_its_room_free(sqlite_store: SqliteStore) -> None:
    till = Till()

    async def scenario() -> tuple[list[Path], list[bool]]:
        async with sqlite_store.open(keep_s=100, max_bytes=20) as ledger, keyed_calls(ledger) as calls:
            for key in ("a", "b"):
                await run(calls, till.answering(b"0123456789"), key=key)
            sqlite_store.clock.now_s += 100
            await ledger.upkeep([])
            left = sqlite_store.bodies
            for key in ("c", "d"):
                await run(calls, till.answering(b"0123456789"), key=key)
            return left, [(await run(calls, till.answering(), key=key)).replayed for key in ("c", "d")]

    assert asyncio.run(scenario()) == ([], [True, True])


def test_upkeep_is_done_whenever_it_is_due(sqlite_store: SqliteStore) -> None:
    waits: list[float] = []
    kept, swept = asyncio.Event(), asyncio.Event()

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            swept.set()
            await asyncio.Event().wait()
        await kept.wait()
        sqlite_store.clock.now_s += 3600

    async def scenario() -> None:
        async with sqlite_store.open() as ledger, keyed_calls(ledger, sleep=sleep) as calls:
            await run(calls, Till().answering())
            kept.set()
            await swept.wait()

    asyncio.run(scenario())
    assert waits == [60.0, 60.0]
    assert sqlite_store.bodies == []


def test_a_lost_answer_is_not_drawn_again(sqlite_store: SqliteStore, caplog: pytest.LogCaptureFixture) -> None:
    repeat(sqlite_store)
    (body,) = sqlite_store.bodies
    body.write_bytes(b"half")

    assert repeat(sqlite_store) == ErrorCode.OUTCOME_UNKNOWN
    assert repeat(sqlite_store) == ErrorCode.OUTCOME_UNKNOWN
    assert [(record.message, record.levelno) for record in caplog.records] == [("ledger.answer_lost", logging.ERROR)]
    assert sqlite_store.bodies == []


def test_opening_removes_bodies_that_nothing_refers_to(sqlite_store: SqliteStore) -> None:
    repeat(sqlite_store)
    (body,) = sqlite_store.bodies
    (body.parent / "left-behind").write_bytes(b"half a pic")

    assert repeat(sqlite_store) == Answered(answer=answer(), replayed=True)
    assert sqlite_store.bodies == [body]


def test_the_database_holds_neither_the_callers_nor_the_keys_name(sqlite_store: SqliteStore) -> None:
    async def scenario() -> None:
        async with sqlite_store.open() as ledger, keyed_calls(ledger) as calls:
            await run(calls, Till().answering(), key="a-private-key")

    asyncio.run(scenario())
    connection = sqlite3.connect(sqlite_store.file)
    rows = connection.execute("SELECT * FROM call").fetchall()
    connection.close()
    assert len(rows) == 1
    assert "private" not in json.dumps(rows, default=repr)
