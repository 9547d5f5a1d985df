"""`imageway init`: folders that run as they are, and never over what is there."""

import json
from pathlib import Path

import pytest

from imageway.sdk.cli import main
from imageway.sdk.pipeline.pictures.media import read_picture

PICTURES = {
    "product": ("product_image", 1),
    "edit": ("edited_image", 1),
    "collage": ("collage", 1),
    "variations": ("images", 4),
}


@pytest.mark.parametrize("template", PICTURES)
def test_a_started_task_runs_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str], template: str) -> None:
    folder = tmp_path / "new"

    assert main(["init", str(folder), "--template", template]) == 0
    started = capsys.readouterr()
    assert main(["check", str(folder)]) == 0
    checked = capsys.readouterr()
    assert main(["run", str(folder)]) == 0

    assert started.out == f"{folder}\n"
    assert checked.err == f"{folder}: nothing stands against running it\n"
    column, count = PICTURES[template]
    rows = json.loads((folder / "output.json").read_text())
    for row in rows:
        found = row[column] if isinstance(row[column], list) else [row[column]]
        assert [read_picture(path).facts.format.value for path in found] == ["png"] * count


def test_the_first_line_tells_editors_where_the_schema_is(tmp_path: Path) -> None:
    main(["init", str(tmp_path)])

    for name in ("graph_config.yaml", "models.yaml"):
        first = (tmp_path / name).read_text().splitlines()[0]
        schema = tmp_path / first.removeprefix("# yaml-language-server: $schema=")
        assert json.loads(schema.read_text())["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_nothing_is_written_over_what_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "graph_config.yaml").write_text("mine")

    assert main(["init", str(tmp_path)]) == 2

    assert capsys.readouterr().err == (f"imageway: {tmp_path} has graph_config.yaml already; name another folder\n")
    assert [path.name for path in tmp_path.iterdir()] == ["graph_config.yaml"]


def test_an_unknown_template_is_refused_with_those_there_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", str(tmp_path), "--template", "poster"]) == 2

    told = capsys.readouterr().err
    assert all(name in told for name in PICTURES)
