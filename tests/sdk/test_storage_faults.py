"""Disks that are full, folders that can't be written, journals that are broken: told, and nothing paid for twice."""

import asyncio
import json
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

from fakes.gateway import FakeGateway, Recorded, Reply, drawn
from fakes.task_files import write_task
from imageway.sdk.cli import main
from loopback import serving
from pictures import picture

LARGE = picture(size=(400, 400)) + bytes(400_000)

SMALL_DISK = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
from imageway.sdk.cli import main
sys.exit(main())
"""
"""The command, on a disk that takes no file of more than 300 kB."""


@pytest.fixture
def task(tmp_path: Path) -> Path:
    write_task(tmp_path)
    records = [{"id": str(number), "title": f"t{number}"} for number in range(4)]
    (tmp_path / "data.json").write_text(json.dumps(records))
    return tmp_path


def _keys(gateway: FakeGateway) -> list[str]:
    return [request.headers["idempotency-key"] for request in gateway.drawn_requests]


def test_a_full_disk_stops_the_run_and_the_rest_is_drawn_when_there_is_room(task: Path) -> None:
    async def answer(asked: Recorded) -> Reply:
        return drawn(LARGE if asked.json["prompt"] == "Draw t1" else picture())

    gateway = FakeGateway(answer)
    with serving(gateway) as url:
        arguments = ["run", str(task), "--gateway", url, "--concurrency", "1"]
        stopped = subprocess.run(
            [sys.executable, "-c", SMALL_DISK, *arguments], capture_output=True, text=True, check=False
        )
        asked = len(gateway.drawn_requests)
        assert main(arguments) == 0

    images = task / "multimodal_output" / "image"
    assert stopped.returncode == 3
    assert f"stopped: Can't write pictures to {images}: File too large." in stopped.stderr
    assert "4 records: 1 drawn, 1 failed, 2 not done; 1 picture" in stopped.stderr
    assert asked == 2
    assert sorted(Counter(_keys(gateway)).values()) == [1, 1, 1, 2]
    assert (images / "1_picture_0.png").read_bytes() == LARGE
    assert not [*images.glob("*.tmp")]


def test_an_output_that_cannot_be_written_is_told_and_made_of_what_was_drawn_later(
    task: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (task / "rows.json").mkdir()
    gateway = FakeGateway()
    with serving(gateway) as url:
        arguments = ["run", str(task), "--gateway", url, "--output-file", "rows.json"]

        assert main(arguments) == 3

        (task / "rows.json").rmdir()
        told = capsys.readouterr().err.splitlines()[-1]
        assert main(arguments) == 0

    assert told == (
        f"imageway: what has come of the run can't be written ({task / 'rows.json'}: Is a directory);"
        " what was drawn is kept in the output folder, and the same command goes on"
    )
    assert len(gateway.drawn_requests) == 4
    assert len(json.loads((task / "rows.json").read_text())) == 4


@pytest.mark.parametrize(
    ("file", "folder"),
    [
        (".imageway/rows.json", ".imageway"),
        ("multimodal_output/image/metadata.jsonl", "multimodal_output"),
    ],
)
def test_an_output_is_not_written_among_the_runs_own_files(
    task: Path, capsys: pytest.CaptureFixture[str], file: str, folder: str
) -> None:
    gateway = FakeGateway()
    with serving(gateway) as url:
        assert main(["run", str(task), "--gateway", url, "--output-file", file]) == 2

    assert capsys.readouterr().err == (
        f"imageway: {task / file} is in the folder {folder}, which is for the run's own files; name another file\n"
    )
    assert gateway.drawn_requests == []


def test_rows_are_not_written_over_the_task(task: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written = (task / "graph_config.yaml").rename(task / "task.json")
    before = written.read_bytes()

    with serving(FakeGateway()) as url:
        assert main(["run", str(written), "--gateway", url, "--output-file", "task.json"]) == 2

    assert capsys.readouterr().err == (
        f"imageway: {written} is a file of the task, and would be written over; name another file\n"
    )
    assert written.read_bytes() == before


def test_pictures_are_not_drawn_into_the_folder_that_records_come_from(
    task: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = task / "multimodal_output" / "image"
    images.mkdir(parents=True)
    (images / "a.png").write_bytes(picture())
    write_task(task, ("file_path: data.json", "file_path: multimodal_output/image"), ("{title}", "{id}"))

    with serving(FakeGateway()) as url:
        assert main(["run", str(task), "--gateway", url]) == 2

    assert capsys.readouterr().err == (
        f"imageway: {images} is where the records come from; draw into another folder with -o\n"
    )


@pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc")
def test_a_folder_that_cannot_be_written_costs_nothing(task: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gateway = FakeGateway()
    with serving(gateway) as url:
        assert main(["run", str(task), "--gateway", url, "-o", "/proc/imageway"]) == 2

    assert "imageway: can't write to /proc/imageway" in capsys.readouterr().err
    assert gateway.drawn_requests == []


def test_of_two_runs_at_once_the_second_is_told_who_has_the_folder(
    task: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked, go = threading.Event(), threading.Event()

    async def answer(_: Recorded) -> Reply:
        asked.set()
        while not go.is_set():
            await asyncio.to_thread(go.wait, 0.1)
        return drawn()

    gateway = FakeGateway(answer)
    with serving(gateway) as url:
        arguments = ["run", str(task), "--gateway", url, "--concurrency", "1"]
        first = subprocess.Popen(
            [sys.executable, "-m", "imageway.sdk.cli", *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        assert asked.wait(timeout=60)
        second = main(arguments)
        told = capsys.readouterr().err
        assert main(["status", str(task), "--json"]) == 0
        status = json.loads(capsys.readouterr().out)
        go.set()
        assert first.wait(timeout=60) == 0

    assert second == 2
    assert told.endswith(f"imageway: {task} is in use: process {first.pid} is running a task into it\n")
    assert (status["running"], status["ended_at"], status["calls"]) == (True, None, {"in flight": 1})
    assert len(gateway.drawn_requests) == 4


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (
            "PRAGMA user_version = 7",
            "is of schema 7, and this imageway knows only 2: it was written by a newer one; update imageway,"
            " or write elsewhere with -o",
        ),
        (None, "can't be used: file is not a database"),
    ],
    ids=["newer", "broken"],
)
def test_a_journal_that_cannot_be_used_costs_nothing(
    task: Path, capsys: pytest.CaptureFixture[str], spoil: str | None, sentence: str
) -> None:
    gateway = FakeGateway()
    path = task / ".imageway" / "state.sqlite3"
    with serving(gateway) as url:
        assert main(["run", str(task), "--gateway", url]) == 0
        asked = len(gateway.drawn_requests)
        if spoil is None:
            path.write_bytes(b"no database" * 100)
        else:
            connection = sqlite3.connect(path)
            connection.execute(spoil)
            connection.close()
        capsys.readouterr()
        assert main(["run", str(task), "--gateway", url]) == 2

    assert capsys.readouterr().err == f"imageway: the journal {path} {sentence}\n"
    assert len(gateway.drawn_requests) == asked


def test_outputs_that_were_cut_short_are_written_anew_without_asking(task: Path) -> None:
    gateway = FakeGateway()
    names = ["output.json", "multimodal_output/image/metadata.jsonl"]
    with serving(gateway) as url:
        assert main(["run", str(task), "--gateway", url]) == 0
        whole = {name: (task / name).read_bytes() for name in names}
        for name in names:
            (task / name).write_bytes(whole[name][:20])
        assert main(["run", str(task), "--gateway", url]) == 0

    assert {name: (task / name).read_bytes() for name in names} == whole
    assert len(gateway.drawn_requests) == 4


def test_a_picture_that_is_gone_is_asked_for_under_its_key_and_a_changed_one_is_told(
    task: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway = FakeGateway()
    images = task / "multimodal_output" / "image"
    with serving(gateway) as url:
        assert main(["run", str(task), "--gateway", url]) == 0
        (images / "1_picture_0.png").unlink()
        (images / "2_picture_0.png").write_bytes(b"cut")
        capsys.readouterr()
        assert main(["run", str(task), "--gateway", url]) == 3

    assert sorted(Counter(_keys(gateway)).values()) == [1, 1, 1, 2]
    assert (images / "1_picture_0.png").exists()
    assert (images / "2_picture_0.png").read_bytes() == b"cut"
    assert (
        "earlier_picture x1, first in '2': multimodal_output/image/2_picture_0.png isn't as it was drawn;"
        " delete the file to have the call asked for it again, or draw everything anew with --fresh"
    ) in capsys.readouterr().err
