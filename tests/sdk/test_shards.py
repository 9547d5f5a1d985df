"""Parts of a run: every record in one of them, whichever machine asks."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes.gateway import FakeGateway
from fakes.task_files import write_task
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

        def command(shard: str, folder: str) -> list[str]:
            assert main(["run", str(tmp_path), "--gateway", url, "--shard", shard, "-o", str(tmp_path / folder)]) == 0
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


@pytest.mark.parametrize("shard", ["2/2", "1", "-1/2", "a/b", "0/0"])
def test_a_part_is_written_in_one_way(tmp_path: Path, capsys: pytest.CaptureFixture[str], shard: str) -> None:
    assert main(["run", str(tmp_path), f"--shard={shard}"]) == 2

    sentence = f"imageway: --shard is I/N with I from 0 to N-1, such as 0/4, but it is '{shard}'\n"
    assert capsys.readouterr().err == sentence
