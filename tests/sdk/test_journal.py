"""The journal: intents before calls, receipts after files; and what it makes of runs that were cut off."""

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from fakes.gateway import FakeGateway, Recorded, Reply, drawn
from fakes.task_files import write_task
from imageway.contract.request import ImageRequest, Operation
from imageway.contract.sniff import image_input
from imageway.sdk.pipeline.journal import EarlierPictureError, JournalError, open_journal
from loopback import serving
from pictures import picture

REQUEST = ImageRequest(operation=Operation.GENERATE, model="m", params={"prompt": "a kite", "n": 2})


@pytest.fixture
def output(tmp_path: Path) -> Path:
    (tmp_path / ".imageway").mkdir()
    return tmp_path


def test_a_receipt_outlives_the_run_and_is_worth_what_its_files_are(output: Path) -> None:
    path = output / "a_pic_0.png"
    path.write_bytes(b"picture")
    with open_journal(output, "d") as journal:
        key = journal.key("a", "node", REQUEST)
        before = journal.receipt(key)
        journal.intend(key, "a", "node", stem=output / "b_pic", replace=False)
        intended = journal.receipt(key)
        journal.keep(key, [path])

    with open_journal(output, "d") as journal:
        assert (before, intended) == (None, None)
        assert journal.key("a", "node", REQUEST) == key
        assert journal.receipt(key) == (path,)
        path.write_bytes(b"another picture")
        assert journal.receipt(key) is None
        path.unlink()
        assert journal.receipt(key) is None


def test_many_threads_find_every_receipt(output: Path) -> None:
    path = output / "a_pic_0.png"
    path.write_bytes(b"picture")
    with open_journal(output, "d") as journal:
        for number in range(50):
            journal.intend(str(number), "a", "n", stem=output / "b_pic", replace=False)
            journal.keep(str(number), [path])
        with ThreadPoolExecutor(16) as threads:
            found = list(threads.map(journal.receipt, [str(number % 50) for number in range(5000)]))

    assert found == [(path,)] * 5000


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


def test_a_name_that_another_calls_picture_has_is_taken(output: Path) -> None:
    (output / "a[1]_pic_0.png").write_bytes(b"paid for")
    stem = output / "a[1]_pic"

    with open_journal(output, "d") as journal:
        with pytest.raises(EarlierPictureError, match=r"a\[1\]_pic_0\.png is there already"):
            journal.intend("key", "a", "n", stem=stem, replace=False)
        journal.intend("other", "a", "n", stem=output / "a1_pic", replace=False)
        journal.intend("key", "a", "n", stem=stem, replace=True)
        journal.intend("key", "a", "n", stem=stem, replace=False)


def test_a_run_that_replaces_goes_on_replacing_when_it_was_cut_off(output: Path) -> None:
    (output / "a_pic_0.png").write_bytes(b"paid for")
    with open_journal(output, "d", replacing=True) as journal:
        key = journal.key("a", "n", REQUEST)

    with open_journal(output, "d") as journal:
        assert journal.key("a", "n", REQUEST) == key
        journal.intend(key, "a", "n", stem=output / "a_pic", replace=False)


def test_a_journal_that_cannot_be_used_is_told(output: Path) -> None:
    file = output / ".imageway" / "state.sqlite3"
    file.write_bytes(b"no database" * 100)
    with pytest.raises(JournalError, match="can't be used: file is not a database"), open_journal(output, "d"):
        pass
    file.unlink()
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA user_version = 7")
    connection.close()

    with pytest.raises(JournalError, match="is of schema 7, and this imageway knows only 1"), open_journal(output, "d"):
        pass
    with pytest.raises(JournalError, match="can't be opened"), open_journal(output / "nowhere", "d"):
        pass


def test_after_a_kill_nothing_answered_is_asked_again_and_what_was_in_flight_keeps_its_key(tmp_path: Path) -> None:
    write_task(tmp_path)
    records = [{"id": str(number), "title": f"t{number}"} for number in range(12)]
    (tmp_path / "data.json").write_text(json.dumps(records))
    stuck = threading.Semaphore(0)
    holding = threading.Event()
    holding.set()

    async def answer(_: Recorded) -> Reply:
        if holding.is_set() and len(gateway.drawn_requests) > 6:
            stuck.release()
            await asyncio.Event().wait()
        return drawn()

    gateway = FakeGateway(answer)
    with serving(gateway) as url:
        command = [
            sys.executable,
            "-m",
            "imageway.sdk.cli",
            "run",
            str(tmp_path),
            "--gateway",
            url,
            "--concurrency",
            "3",
        ]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        for _ in range(3):
            assert stuck.acquire(timeout=30)
        os.kill(process.pid, signal.SIGKILL)
        process.wait(timeout=20)
        holding.clear()
        before = _keys(gateway)
        again = subprocess.run(command, capture_output=True, text=True, check=False)

    assert again.returncode == 0, again.stderr
    times = Counter(_keys(gateway))
    assert len(before) == 9
    assert len(times) == 12
    assert sorted(times.values()) == [1] * 9 + [2] * 3
    assert all(times[key] == 2 for key in before[6:])
    rows: list[dict[str, Any]] = json.loads((tmp_path / "output.json").read_text())
    assert [row["id"] for row in rows] == [str(number) for number in range(12)]
    assert all(Path(row["picture"]).is_file() for row in rows)


def _keys(gateway: FakeGateway) -> list[str]:
    return [request.headers["idempotency-key"] for request in gateway.drawn_requests]
