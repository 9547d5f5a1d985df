"""Rejects that are drawn anew: once for each list, with all that follows from them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes.gateway import FakeGateway
from fakes.task_files import TASK, write_task
from imageway.sdk.cli import main
from imageway.sdk.pipeline.journal.run_view import open_run
from loopback import serving

EDITED = TASK.replace(
    "  edges:\n    - {from: START, to: draw}\n    - {from: draw, to: END}",
    """\
    edit:
      node_type: llm
      output_keys: edited
      prompt:
        - user:
            - {type: image_url, image_url: "{picture}"}
            - {type: text, text: "redder"}
      model: {name: gpt-image-1}
  edges:
    - {from: START, to: draw}
    - {from: draw, to: edit}
    - {from: edit, to: END}""",
).replace("    picture: {from: picture}", "    picture: {from: picture}\n    edited: {from: edited}")


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.fixture
def run(tmp_path: Path, gateway: FakeGateway, capsys: pytest.CaptureFixture[str]) -> Iterator[Any]:
    write_task(tmp_path, text=EDITED)
    (tmp_path / "data.json").write_text(json.dumps([{"id": str(n), "title": f"t{n}"} for n in (1, 2)]))
    with serving(gateway) as url:

        def command(*options: str) -> tuple[int, str]:
            exit_ = main(["run", str(tmp_path), "--gateway", url, *options])
            return exit_, capsys.readouterr().err

        assert command()[0] == 0
        gateway.drawn_requests.clear()
        yield command


def _rejects(folder: Path, *lines: str) -> str:
    (folder / "rejects.jsonl").write_text("".join(f"{line}\n" for line in lines))
    return str(folder / "rejects.jsonl")


def _rows(folder: Path) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = json.loads((folder / "output.json").read_text())
    return rows


def _keys(gateway: FakeGateway) -> list[str]:
    return [asked.headers["idempotency-key"] for asked in gateway.drawn_requests]


def test_a_rejected_picture_is_drawn_anew_beside_the_old_one(run: Any, gateway: FakeGateway, tmp_path: Path) -> None:
    before = _rows(tmp_path)

    assert run("--redo", _rejects(tmp_path, '{"id": "2", "node": "edit", "draw": 1}'))[0] == 0

    after = _rows(tmp_path)
    assert gateway.prompts == ["redder"]
    assert (after[0], after[1]["picture"]) == (before[0], before[1]["picture"])
    assert after[1]["edited"] != before[1]["edited"]
    assert Path(before[1]["edited"]).read_bytes() == Path(after[1]["edited"]).read_bytes()


def test_one_list_is_drawn_anew_once_however_often_it_is_given(run: Any, gateway: FakeGateway, tmp_path: Path) -> None:
    rejects = _rejects(tmp_path, '{"id": "1", "node": "edit"}')

    for _ in range(2):
        run("--redo", rejects)
    run()
    once = _keys(gateway)
    run("--redo", _rejects(tmp_path, '{"id": "1", "node": "edit"}', ""))

    assert len(once) == 1
    assert len(set(_keys(gateway))) == 2


def test_a_record_alone_has_all_its_calls_made_anew(run: Any, gateway: FakeGateway, tmp_path: Path) -> None:
    run("--redo", _rejects(tmp_path, "2"))

    assert gateway.prompts == ["Draw t2", "redder"]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("9", "the newest run here has no call of the record '9' to draw anew"),
        (
            '{"id": "1", "node": "paint"}',
            "the newest run here has no call of the record '1', node 'paint' to draw anew",
        ),
        ('{"id": 1}', '{path}:1: a reject is {{"id": "...", "node": "...", "draw": 1}}, or a record\'s id'),
        (
            '{"id": "1", "why": ""}',
            '{path}:1: a reject is {{"id": "...", "node": "...", "draw": 1}}, or a record\'s id',
        ),
        ("{", "{path}:1: this is not valid JSON"),
        ("", "{path} names no record"),
    ],
)
def test_what_cannot_be_drawn_anew_is_told_and_nothing_is_sent(
    run: Any, gateway: FakeGateway, tmp_path: Path, line: str, sentence: str
) -> None:
    path = _rejects(tmp_path, line)

    exit_, said = run("--redo", path)

    assert (exit_, said.splitlines()[-1]) == (2, f"imageway: {sentence.format(path=path)}")
    assert gateway.drawn_requests == []
    with open_run(tmp_path) as view:
        assert view.ended_at is not None


def test_rejects_belong_to_the_run_that_goes_on(run: Any, tmp_path: Path) -> None:
    exit_, said = run("--redo", _rejects(tmp_path, "1"), "--fresh")

    assert (exit_, said) == (
        2,
        "imageway: --redo draws rejects of a run anew, and --fresh and --replace begin another run\n",
    )
