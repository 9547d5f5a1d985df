"""Parts of a run: every record in one of them, whichever machine asks."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes.gateway import REJECTED, FakeGateway, Recorded, Reply, drawn, refused
from fakes.task_files import write_task
from imageway.contract.errors import ErrorCode, ImageError
from imageway.sdk.cli import main
from loopback import serving


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.fixture
def run(gateway: FakeGateway, tmp_path: Path) -> Iterator[Any]:
    write_task(tmp_path)
    records = [{"id": str(n), "title": f"t{n}"} for n in range(1, 31)]
    (tmp_path / "data.json").write_text(json.dumps(records))
    with serving(gateway) as url:

        def command(shard: str, folder: str, *options: str, exit_: int = 0) -> list[str]:
            at = ("--gateway", url, "--shard", shard, "-o", str(tmp_path / folder))
            assert main(["run", str(tmp_path), *at, *options]) == exit_
            return [row["id"] for row in json.loads((tmp_path / folder / "output.json").read_text())]

        yield command


def test_every_record_is_in_one_part_in_the_order_of_the_input(run: Any, gateway: FakeGateway) -> None:
    parts = [run(f"{index}/3", f"part{index}") for index in range(3)]

    assert all(part == sorted(part, key=int) and part for part in parts)
    assert sorted([id_ for part in parts for id_ in part], key=int) == [str(n) for n in range(1, 31)]
    assert len(gateway.drawn_requests) == 30


def test_parts_in_one_folder_add_up(run: Any, gateway: FakeGateway) -> None:
    run("0/2", "all")
    both = run("1/2", "all")

    assert both == [str(n) for n in range(1, 31)]
    assert len(gateway.drawn_requests) == 30


def _merged(capsys: pytest.CaptureFixture[str], *tokens: str) -> tuple[int, str, str]:
    capsys.readouterr()
    exit_ = main(["merge", *tokens])
    told = capsys.readouterr()
    return exit_, told.out, told.err


@pytest.mark.parametrize("ending", ["json", "jsonl", "csv"])
def test_parts_are_merged_in_the_order_of_the_input(
    run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], ending: str
) -> None:
    folders = [str(tmp_path / f"part{index}") for index in (2, 0, 1)]
    for index in range(3):
        run(f"{index}/3", f"part{index}")
    whole, target = run("0/1", "whole"), tmp_path / f"all.{ending}"

    exit_, out, err = _merged(capsys, *folders, "--to", str(target))

    assert (exit_, out, err) == (0, f"{target}\n", f"30 records of 3 parts, 0 failed; {target}\n")
    text = target.read_text()
    rows = json.loads(text) if ending == "json" else [json.loads(line) for line in text.splitlines() if ending != "csv"]
    rows = rows or [*csv.DictReader(text.splitlines())]
    assert [row["id"] for row in rows] == whole
    assert all(Path(row["picture"]).is_file() for row in rows)


def test_a_record_that_two_parts_have_run_is_written_once_and_as_it_went_well(
    run: Any, gateway: FakeGateway, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def refuse_the_third(asked: Recorded) -> Reply:
        return REJECTED if asked.json["prompt"] == "Draw t3" else drawn()

    draws = gateway.answer
    gateway.answer = refuse_the_third
    run("0/1", "first", exit_=3)
    gateway.answer = draws
    run("0/1", "second")
    first, second, target = tmp_path / "first", tmp_path / "second", tmp_path / "all.json"

    exit_, out, _ = _merged(capsys, str(first), str(second), "--to", str(target), "--json")

    assert (exit_, json.loads(out)) == (0, {
        "exit_code": 0, "output": str(target), "records": 30, "failed": 0, "skipped": 0, "again": 30, "open_parts": [],
    })  # fmt: skip
    rows = json.loads(target.read_text())
    assert [Path(row["picture"]).relative_to(tmp_path).parts[0] for row in rows] == [
        "second" if row["id"] == "3" else "first" for row in rows
    ]


def test_what_are_no_parts_of_one_run_is_told_and_nothing_is_written(
    run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("0/1", "one")
    (tmp_path / "data.json").write_text('[{"id": "x", "title": "t"}]')
    run("0/1", "two")
    one, two, target = tmp_path / "one", tmp_path / "two", tmp_path / "all.json"

    told = _merged(capsys, str(one), str(two), "--to", str(target))
    none = _merged(capsys, str(tmp_path / "three"), "--to", str(target))
    data = tmp_path / "data.json"
    before = data.read_bytes()
    own = [one / ".imageway" / "all.json", one / "multimodal_output" / "all.json", one / "errors.jsonl"]

    assert told == (2, "", f"imageway: these are no parts of one run: record 1 is '1' in {one}, and 'x' in {two}\n")
    assert (none[0], target.exists()) == (2, False)
    assert [_merged(capsys, str(one), "--to", str(path)) for path in own] == [
        (2, "", f"imageway: {path} is among the own files of the run in {one}; name another file\n") for path in own
    ]
    assert _merged(capsys, str(one), "--to", str(data)) == (
        2,
        "",
        f"imageway: {data} is where the records come from; name another file\n",
    )
    assert data.read_bytes() == before


def test_a_part_that_is_not_through_is_told(
    run: Any, gateway: FakeGateway, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def refuse(asked: Recorded) -> Reply:
        return refused(ImageError(ErrorCode.UNAUTHENTICATED, "no such key"))

    draws = gateway.answer
    gateway.answer = refuse
    run("0/2", "one", exit_=4)
    gateway.answer = draws
    run("1/2", "two")

    exit_, _, err = _merged(capsys, str(tmp_path / "one"), str(tmp_path / "two"), "--to", str(tmp_path / "all.json"))

    assert exit_ == 3
    assert err.splitlines()[1] == (
        f"{tmp_path / 'one'}: this part isn't through; its command goes on, and merge takes what it has then"
    )


@pytest.mark.parametrize("shard", ["2/2", "1", "-1/2", "a/b", "0/0"])
def test_a_part_is_written_in_one_way(tmp_path: Path, capsys: pytest.CaptureFixture[str], shard: str) -> None:
    assert main(["run", str(tmp_path), f"--shard={shard}"]) == 2

    sentence = f"imageway: --shard is I/N with I from 0 to N-1, such as 0/4, but it is '{shard}'\n"
    assert capsys.readouterr().err == sentence
