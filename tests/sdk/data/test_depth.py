"""Records whose values lie deep in one another: a failed record at most, never the end of a run."""

import json
from pathlib import Path

import pytest

from fakes.gateway import FakeGateway
from fakes.task_files import write_task
from imageway.sdk.cli import main
from loopback import serving


def _nested(levels: int) -> str:
    return "[" * levels + "]" * levels


@pytest.mark.parametrize(("levels", "drawn"), [(99, 2), (100, 1), (900, 1)])
@pytest.mark.parametrize("name", ["data.json", "data.jsonl"])
def test_a_record_nested_too_deeply_fails_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, levels: int, drawn: int
) -> None:
    write_task(tmp_path, ("file_path: data.json", f"file_path: {name}"))
    lines = [f'{{"id": "deep", "title": "a", "deep": {_nested(levels)}}}', '{"id": "2", "title": "b"}']
    joined = "\n".join(lines) if name.endswith("l") else f"[{','.join(lines)}]"
    (tmp_path / name).write_text(joined)
    gateway = FakeGateway()
    with serving(gateway) as url:
        exit_ = main(["run", str(tmp_path), "--gateway", url])

    capsys.readouterr()
    assert (exit_, len(gateway.drawn_requests)) == (0 if drawn == 2 else 3, drawn)
    rows = json.loads((tmp_path / "output.json").read_text())
    assert [row.get("_error", {}).get("code") for row in rows] == [None if drawn == 2 else "invalid_record", None]
