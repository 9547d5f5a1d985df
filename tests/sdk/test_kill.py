"""The real command, killed again and again at counted moments, against a gateway that records every call."""

import asyncio
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from anyio import to_thread

from fakes.gateway import REJECTED, FakeGateway, Recorded, Reply, drawn
from fakes.task_files import write_task
from imageway.sdk.cli import main
from loopback import serving
from pictures import picture

RECORDS = 10
CONCURRENCY = 3

KILLED_AT_A_FILE = """
import os, signal, sys
folder, left = sys.argv[1], int(sys.argv[2])
del sys.argv[1:3]

def count(event, arguments):
    global left
    if event in ("open", "os.rename", "os.remove") and str(arguments[0]).startswith(folder):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(count)
from imageway.sdk.cli import main
sys.exit(main())
"""
"""The command, which kills itself right before its n-th file is opened, renamed or removed in a folder."""


@pytest.fixture
def task(tmp_path: Path) -> Path:
    write_task(tmp_path, ("size: 512x512", "size: 512x512\n          n: 2"))
    records = [{"id": str(number), "title": f"t{number}"} for number in range(RECORDS)]
    (tmp_path / "data.json").write_text(json.dumps(records))
    return tmp_path


class _Events:
    """Does something at the n-th call that arrives, before or after it is answered."""

    def __init__(self) -> None:
        self.at = -1
        self.act: Callable[[], None] = lambda: None
        self._count = 0

    def happened(self) -> None:
        self._count += 1
        if self._count == self.at:
            self.act()


def _gateway(events: _Events | None = None) -> FakeGateway:
    shapes = [drawn(picture(colour=(shade, 0, 0, 255)), picture(colour=(0, shade, 0, 255))) for shade in range(RECORDS)]

    async def answer(asked: Recorded) -> Reply:
        if events is not None:
            events.happened()
        number = int(asked.json["prompt"].removeprefix("Draw t"))
        return REJECTED if number == 4 else shapes[number]

    return FakeGateway(answer)


def _command(task: Path, url: str) -> list[str]:
    return ["run", str(task), "--gateway", url, "--concurrency", str(CONCURRENCY)]


def _keys(gateway: FakeGateway) -> list[str]:
    return [request.headers["idempotency-key"] for request in gateway.drawn_requests]


def _ended(task: Path) -> set[str]:
    """The keys of the calls whose end the journal knows."""
    path = task / ".imageway" / "state.sqlite3"
    if not path.exists():
        return set()
    connection = sqlite3.connect(path)
    try:
        there = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'call'").fetchone()
        ended = "SELECT key FROM call WHERE state IN ('answered', 'failed', 'unknown')"
        return {key for (key,) in connection.execute(ended)} if there else set()
    finally:
        connection.close()


def _assert_whole(task: Path, gateway: FakeGateway, capsys: pytest.CaptureFixture[str]) -> None:
    """Every record has exactly one outcome, every picture a receipt; nothing is left over that gc doesn't take."""
    rows: list[dict[str, Any]] = json.loads((task / "output.json").read_text())
    images = task / "multimodal_output" / "image"
    expected: list[Any] = [[str(images / f"{n}_picture_{i}.png") for i in range(2)] for n in range(RECORDS)]
    expected[4] = None
    assert [row["id"] for row in rows] == [str(number) for number in range(RECORDS)]
    assert [row["picture"] for row in rows] == expected
    assert [row["id"] for row in rows if "_error" in row] == ["4"]
    for number in range(RECORDS):
        if number != 4:
            shades = picture(colour=(number, 0, 0, 255)), picture(colour=(0, number, 0, 255))
            assert [Path(path).read_bytes() for path in expected[number]] == [*shades]
    assert len(set(_keys(gateway))) == RECORDS
    assert main(["gc", str(task)]) == 0
    kept = {Path(path) for paths in expected if paths for path in paths}
    assert {*images.iterdir()} == {*kept, images / "metadata.jsonl"}
    assert main(["verify", str(task), "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (told["pictures"], told["findings"], told["orphans"]) == (2 * (RECORDS - 1), [], [])


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_at_any_file_nothing_is_lost_and_nothing_answered_is_asked_again(
    task: Path, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    moments = random.Random(seed)
    gateway = _gateway()
    killed = 0
    with serving(gateway) as url:
        for _ in range(4):
            ended, asked = _ended(task), len(gateway.drawn_requests)
            program = [sys.executable, "-c", KILLED_AT_A_FILE, str(task / "multimodal_output")]
            moment = moments.randrange(1, 16) + 3 * len(ended)
            died = subprocess.run([*program, str(moment), *_command(task, url)], capture_output=True, check=False)
            assert died.returncode in {-signal.SIGKILL, 3}, died.stderr.decode()
            killed += died.returncode == -signal.SIGKILL
            sent = _keys(gateway)[asked:]
            assert ended.isdisjoint(sent)
            assert max(Counter(sent).values(), default=1) == 1
        ended, asked = _ended(task), len(gateway.drawn_requests)
        last = subprocess.run([sys.executable, "-m", "imageway.sdk.cli", *_command(task, url)], check=False)

    assert last.returncode == 3
    assert killed >= 2
    assert ended.isdisjoint(_keys(gateway)[asked:])
    assert len(gateway.drawn_requests) <= RECORDS + CONCURRENCY * killed
    _assert_whole(task, gateway, capsys)


@pytest.mark.parametrize("moment", [2, 9])
def test_killed_with_calls_in_flight_only_those_are_asked_again_under_their_keys(
    task: Path, moment: int, capsys: pytest.CaptureFixture[str]
) -> None:
    events = _Events()
    gateway = _gateway(events)
    with serving(gateway) as url:
        command = [sys.executable, "-m", "imageway.sdk.cli", *_command(task, url)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        events.act, events.at = process.kill, moment
        assert process.wait(timeout=60) == -signal.SIGKILL
        ended, before = _ended(task), _keys(gateway)
        again = subprocess.run(command, capture_output=True, check=False)

    after = _keys(gateway)[len(before) :]
    assert again.returncode == 3
    assert ended.isdisjoint(after)
    assert len(set(before) & set(after)) <= CONCURRENCY
    assert set(before) - ended <= set(after)
    _assert_whole(task, gateway, capsys)


@pytest.mark.parametrize(
    ("number", "code", "moment"), [(signal.SIGTERM, 143, 1), (signal.SIGTERM, 143, 7), (signal.SIGINT, 130, 5)]
)
def test_told_to_stop_it_finishes_what_is_in_flight_and_goes_on_later(
    task: Path, number: signal.Signals, code: int, moment: int, capsys: pytest.CaptureFixture[str]
) -> None:
    due, heard = threading.Event(), threading.Event()
    plain = _gateway()

    async def answer(asked: Recorded) -> Reply:
        if len(gateway.drawn_requests) >= moment:
            due.set()
            await to_thread.run_sync(heard.wait, 60)
        return await plain.answer(asked)

    gateway = FakeGateway(answer)
    with serving(gateway) as url:
        command = [sys.executable, "-m", "imageway.sdk.cli", *_command(task, url)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        assert due.wait(timeout=60)
        os.kill(process.pid, number)
        assert process.stderr is not None
        said = process.stderr.readline()
        heard.set()
        process.communicate(timeout=60)
        asked = _keys(gateway)
        rows = json.loads((task / "output.json").read_text())
        again = subprocess.run(command, capture_output=True, check=False)

    assert b"stopping: what is in flight is being finished" in said
    assert process.returncode == code
    assert moment <= len(rows) == len(asked) < moment + CONCURRENCY
    assert again.returncode == 3
    assert sorted(Counter(_keys(gateway)).values()) == [1] * RECORDS
    _assert_whole(task, gateway, capsys)


def test_a_second_signal_gives_up_what_is_in_flight_and_the_rerun_gets_it(
    task: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stuck, go = threading.Semaphore(0), threading.Event()
    plain = _gateway()

    async def answer(asked: Recorded) -> Reply:
        if not go.is_set() and len(gateway.drawn_requests) > 4:
            stuck.release()
            await asyncio.Event().wait()
        return await plain.answer(asked)

    gateway = FakeGateway(answer)
    with serving(gateway) as url:
        command = [sys.executable, "-m", "imageway.sdk.cli", *_command(task, url)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        for _ in range(CONCURRENCY):
            assert stuck.acquire(timeout=60)
        process.terminate()
        assert process.stderr is not None
        assert b"stopping" in process.stderr.readline()
        process.terminate()
        _, said = process.communicate(timeout=60)
        go.set()
        again = subprocess.run(command, capture_output=True, check=False)

    assert (process.returncode, said) == (143, b"imageway: aborted; what was finished before is written\n")
    assert again.returncode == 3
    assert sorted(Counter(_keys(gateway)).values()) == [1] * (RECORDS - CONCURRENCY) + [2] * CONCURRENCY
    _assert_whole(task, gateway, capsys)
