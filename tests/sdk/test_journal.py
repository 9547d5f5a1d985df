"""The journal: intents before calls, receipts after files; and what it makes of runs that were cut off."""

import asyncio
import hashlib
import json
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pytest

from imageway.contract.request import ImageRequest, Operation
from imageway.contract.sniff import image_input
from imageway.sdk.pipeline.events import RecordFault
from imageway.sdk.pipeline.files.provenance import Answered, asked_of
from imageway.sdk.pipeline.files.sink import save_picture
from imageway.sdk.pipeline.journal.file import open_journal_file
from imageway.sdk.pipeline.journal.journal import (
    CallSite,
    EarlierPictureError,
    Journal,
    JournalError,
    Standing,
    open_journal,
)
from pictures import picture

REQUEST = ImageRequest(operation=Operation.GENERATE, model="m", params={"prompt": "a kite", "n": 2})


@pytest.fixture
def output(tmp_path: Path) -> Path:
    (tmp_path / ".imageway").mkdir()
    return tmp_path


TO_SEND = Standing(state="to send")


def _intend(journal: Journal, key: str, stem: Path) -> Path:
    site = CallSite(record_id="a", node="n")
    intended = asyncio.run(journal.intend(key, site, asked_of(REQUEST), stem=stem, anew=True))
    assert intended is not None
    return intended[0].path


def _keep(journal: Journal, key: str, stem: Path, content: bytes = b"picture") -> Path:
    answered = Answered(single=True, request_id=None, cost_usd=None, usage=None, told={})
    kept = save_picture(stem, 0, content)

    async def keep() -> None:
        noted: asyncio.Future[RecordFault | None] = asyncio.get_running_loop().create_future()
        journal.keep(key, [kept], answered, None, noted, folder=stem.parent)
        assert await noted is None

    asyncio.run(keep())
    return kept.path


def test_a_receipt_outlives_the_run_and_is_worth_what_its_files_are(output: Path) -> None:
    with open_journal(output, "d") as journal:
        key = journal.key("a", "node", REQUEST)
        before = journal.standing(key)
        stem = _intend(journal, key, output / "a_pic")
        intended = journal.standing(key)
        path = _keep(journal, key, stem)

    with open_journal(output, "d") as journal:
        assert (before, intended) == (TO_SEND, TO_SEND)
        assert journal.key("a", "node", REQUEST) == key
        assert journal.standing(key) == Standing(state="answered", paths=(output / "a_pic_0.bin",), single=True)
        path.write_bytes(b"another picture")
        with pytest.raises(EarlierPictureError) as changed:
            journal.standing(key)
        path.unlink()
        assert journal.standing(key) == Standing(state="to send", lost=("a_pic_0.bin",))
    assert str(changed.value) == (
        "a_pic_0.bin isn't as it was drawn; delete the file to have the call asked for it again,"
        " or draw everything anew with --fresh"
    )


def test_many_threads_find_and_keep_every_receipt(output: Path) -> None:
    def draw(journal: Journal, number: int) -> Standing:
        key = str(number % 50)
        if number < 50:
            _keep(journal, key, _intend(journal, key, output / f"{number}_pic"))
        return journal.standing(key)

    with open_journal(output, "d") as journal, ThreadPoolExecutor(16) as threads:
        first = list(threads.map(lambda number: draw(journal, number), range(50)))
        found = list(threads.map(lambda number: draw(journal, number), range(50, 2000)))

    kept = [Standing(state="answered", paths=(output / f"{n}_pic_0.bin",), single=True) for n in range(50)]
    assert first == kept
    assert found == [kept[number % 50] for number in range(50, 2000)]


async def test_one_thread_writes_for_all_tasks_and_each_is_told_its_own_end(output: Path) -> None:
    threads: set[int] = set()

    def claimed(number: int) -> Callable[[sqlite3.Connection], int]:
        def work(connection: sqlite3.Connection) -> int:
            threads.add(threading.get_ident())
            if number == 3:
                raise EarlierPictureError("3")
            connection.execute("INSERT INTO name VALUES (?, '')", (str(number),))
            return number

        return work

    with open_journal_file(output) as file:
        ends = await asyncio.gather(*(file.written(claimed(number)) for number in range(50)), return_exceptions=True)
        given_up = asyncio.ensure_future(file.written(claimed(99)))
        await asyncio.sleep(0)
        given_up.cancel()
        await file.written(claimed(100))
        after = file.read("SELECT count(*) FROM name")

    assert [*map(repr, ends)] == ["0", "1", "2", "EarlierPictureError('3')", *map(str, range(4, 50))]
    assert after == [(51,)]
    assert len(threads - {threading.get_ident()}) == 1


async def test_what_tasks_bring_is_written_where_no_thread_can_be_had_for_it(
    output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refused)
    with open_journal_file(output) as file:
        async with asyncio.timeout(20):
            for number in (1, 2):
                await file.written(
                    lambda connection, number=number: connection.execute("INSERT INTO name VALUES (?, 'x')", (number,))
                )
        assert file.read("SELECT folded FROM name") == [("1",), ("2",)]


async def test_what_comes_after_the_journal_was_closed_is_told_that_it_wasnt_written(output: Path) -> None:
    def claim(connection: sqlite3.Connection) -> int:
        return connection.execute("INSERT INTO name VALUES ('a', '')").rowcount

    with open_journal_file(output) as file:
        await file.written(lambda _: None)
    late: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    file.hand_in(claim, late, folder=None)
    for end in (late, file.written(claim), asyncio.to_thread(file.write, claim)):
        with pytest.raises(JournalError, match="can't be used: Cannot operate on a closed database"):
            await end


async def test_a_receipt_is_not_kept_before_the_names_of_its_files_are(output: Path) -> None:
    def claimed(name: str) -> Callable[[sqlite3.Connection], int]:
        return lambda connection: connection.execute("INSERT INTO name VALUES (?, '')", (name,)).rowcount

    loop = asyncio.get_running_loop()
    with open_journal_file(output) as file:
        lost: asyncio.Future[int] = loop.create_future()
        file.hand_in(claimed("lost"), lost, folder=output / "nowhere")
        with pytest.raises(FileNotFoundError):
            await lost
        kept: asyncio.Future[int] = loop.create_future()
        file.hand_in(claimed("a"), kept, folder=output)
        found = await kept
        given_up: asyncio.Future[int] = loop.create_future()
        given_up.cancel()
        file.hand_in(
            lambda connection: connection.execute("INSERT INTO name VALUES ('b', '')").rowcount, given_up, folder=output
        )
    with open_journal_file(output) as file:
        names = file.read("SELECT folded FROM name")

    assert (found, names) == (1, [("a",), ("b",)])


def test_a_key_stands_for_the_record_the_node_the_drawer_and_all_that_is_sent(output: Path) -> None:
    photo = image_input(picture())
    edit = ImageRequest(operation=Operation.EDIT, model="m", params=REQUEST.params, images=(photo,))
    masked = ImageRequest(operation=Operation.EDIT, model="m", params=REQUEST.params, images=(photo,), mask=photo)
    other = ImageRequest(operation=Operation.GENERATE, model="m", params={"prompt": "a kite", "n": 3})
    turned = ImageRequest(operation=Operation.GENERATE, model="m", params={"n": 2, "prompt": "a kite"})

    with open_journal(output, "d") as journal:
        keys = [journal.key(*call) for call in (("a", "n", REQUEST), ("b", "n", REQUEST), ("a", "o", REQUEST))]
        keys += [journal.key("a", "n", request) for request in (edit, masked, other)]
        same = journal.key("a", "n", turned)
    with open_journal(output, "e") as journal:
        keys.append(journal.key("a", "n", REQUEST))
    with open_journal(output, "d", replacing=True) as journal:
        keys.append(journal.key("a", "n", REQUEST))

    assert len(set(keys)) == len(keys)
    assert same == keys[0]


def test_a_picture_that_no_journal_knows_is_not_drawn_over_unasked(output: Path) -> None:
    (output / "a[1]_pic_0.png").write_bytes(b"paid for")
    stem = output / "a[1]_pic"

    with open_journal(output, "d") as journal:
        with pytest.raises(EarlierPictureError) as refused:
            _intend(journal, "key", stem)
        assert _intend(journal, "other", output / "a1_pic") == output / "a1_pic"
    with open_journal(output, "d", replacing=True) as journal:
        assert _intend(journal, "key", stem) == stem
    assert str(refused.value) == (
        "a[1]_pic_0.png is there already, drawn for another request that may have cost money;"
        " write elsewhere with -o, draw anew beside it with --fresh, or in its place with --replace"
    )


def test_a_changed_request_is_drawn_beside_what_the_same_drawer_drew(output: Path) -> None:
    with open_journal(output, "d") as journal:
        _keep(journal, "first-key", _intend(journal, "first-key", output / "a_pic"))

        assert _intend(journal, "second-key", output / "a_pic") == output / "a_pic_cond-key"
        assert _intend(journal, "first-key", output / "a_pic") == output / "a_pic"


def test_another_drawers_picture_is_not_drawn_over_unless_it_was_free(output: Path) -> None:
    with open_journal(output, "sketch") as journal:
        _keep(journal, "free", _intend(journal, "free", output / "a_pic"))
    with open_journal(output, "provider openai") as journal:
        stem = _intend(journal, "paid", output / "a_pic")
        _keep(journal, "paid", stem)
    with (
        open_journal(output, "provider azure") as journal,
        pytest.raises(EarlierPictureError, match="drawn by 'provider openai' for another request"),
    ):
        _intend(journal, "other", output / "a_pic")
    with open_journal(output, "sketch") as journal, pytest.raises(EarlierPictureError):
        _intend(journal, "free", output / "a_pic")

    assert stem == output / "a_pic"


def test_a_fresh_run_takes_nothing_from_earlier_ones_and_draws_beside_them(output: Path) -> None:
    with open_journal(output, "d") as journal:
        key = journal.key("a", "n", REQUEST)
        old = _keep(journal, key, _intend(journal, key, output / "a_pic"))
    with open_journal(output, "d", fresh=True) as journal:
        again = journal.key("a", "n", REQUEST)
        stem = _intend(journal, again, output / "a_pic")
    with open_journal(output, "d") as journal:
        assert journal.key("a", "n", REQUEST) == again != key
        assert _intend(journal, again, output / "a_pic") == stem == output / f"a_pic_{again[-8:]}"
    assert old.read_bytes() == b"picture"


def test_a_run_that_replaces_goes_on_replacing_when_it_was_cut_off(output: Path) -> None:
    (output / "a_pic_0.png").write_bytes(b"paid for")
    with open_journal(output, "d", replacing=True) as journal:
        key = journal.key("a", "n", REQUEST)

    with open_journal(output, "d") as journal:
        assert journal.key("a", "n", REQUEST) == key
        assert _intend(journal, key, output / "a_pic") == output / "a_pic"


def test_a_journal_of_schema_1_goes_on_where_it_was(output: Path) -> None:
    digest = hashlib.sha256(b"picture").hexdigest()
    (output / "a_pic_0.png").write_bytes(b"picture")
    connection = sqlite3.connect(output / ".imageway" / "state.sqlite3", isolation_level=None)
    connection.executescript(
        "CREATE TABLE run (id TEXT NOT NULL, replacing INTEGER NOT NULL);"
        "CREATE TABLE call (key TEXT PRIMARY KEY, record TEXT NOT NULL, node TEXT NOT NULL, pictures TEXT)"
        " WITHOUT ROWID; INSERT INTO run VALUES ('0123456789abcdef', 0); PRAGMA user_version = 1;"
    )
    connection.execute("INSERT INTO call VALUES ('kept', 'a', 'n', ?)", (json.dumps([["a_pic_0.png", digest]]),))
    connection.execute("INSERT INTO call VALUES ('sent', 'b', 'n', NULL)")
    connection.close()

    with open_journal(output, "d") as journal:
        assert journal.run_id == "0123456789abcdef"
        assert (
            journal.key("a", "n", REQUEST)
            == "imageway-101f4630e91a482166771b2f508a852164504ac42fbad8981ef1d9889447a59f"
        )
        assert journal.standing("kept") == Standing(state="answered", paths=(output / "a_pic_0.png",), single=True)
        assert journal.standing("sent") == TO_SEND
        assert _intend(journal, "sent", output / "b_pic") == output / "b_pic"
    with open_journal(output, "d") as journal:
        assert journal.run_id == "0123456789abcdef"


def test_a_journal_that_cannot_be_used_is_told(output: Path) -> None:
    file = output / ".imageway" / "state.sqlite3"
    file.write_bytes(b"no database" * 100)
    with pytest.raises(JournalError, match="can't be used: file is not a database"), open_journal(output, "d"):
        pass
    file.unlink()
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA user_version = 7")
    connection.close()

    with pytest.raises(JournalError, match="is of schema 7, and this imageway knows only 2"), open_journal(output, "d"):
        pass
    with pytest.raises(JournalError, match="can't be opened"), open_journal(output / "nowhere", "d"):
        pass


def test_what_was_in_flight_at_a_kill_is_in_doubt_until_its_end_is_known(output: Path) -> None:
    stem = output / "a"
    high = Decimal("0.08")

    def passed(*, reserved: bool = False, end: Callable[[Journal], None] | None = None) -> dict[str, Decimal]:
        """What is in doubt after a pass that sends the call, and is killed unless *end* ends it."""
        with open_journal(output, "d") as journal:
            _intend(journal, "key", stem)
            if reserved:
                journal.reserve("key", high)
            if end is not None:
                end(journal)
        with open_journal(output, "d") as journal:
            assert journal.spent_usd() == 0
            return journal.in_doubt()

    refused = RecordFault(position=1, record_id="a", code="content_rejected", message="no")
    assert passed() == {}
    assert passed(reserved=True) == {"key": high}
    assert passed() == {"key": high}
    assert passed(end=lambda journal: journal.unsend("key")) == {"key": high}
    assert passed(end=lambda journal: journal.fail("key", refused)) == {}
    assert passed() == {}
    assert passed(reserved=True, end=lambda journal: journal.unsend("key")) == {}


def test_a_call_that_was_in_flight_is_spent_once_when_it_is_answered(output: Path) -> None:
    with open_journal(output, "d") as journal:
        _intend(journal, "key", output / "a")
        journal.reserve("key", Decimal("0.08"))

    with open_journal(output, "d") as journal:
        _intend(journal, "key", output / "a")
        _keep(journal, "key", output / "a")

    with open_journal(output, "d") as journal:
        assert (journal.in_doubt(), journal.spent_usd()) == ({}, Decimal("0.08"))
