"""Lots: values of a data source's column, and the seed of the command."""

import json
from pathlib import Path

import pytest

from fakes.task_files import heads
from fakes.task_runs import ran, task_folder
from imageway.sdk.cli import main
from imageway.sdk.pipeline.loading.task import load_task

GRAPH = """
nodes:
  lot:
    node_type: weighted_sampler
    attributes: {who: {values: {column: COLUMN, source: {type: disk, file_path: people.csv}}}}
  pic: {node_type: llm, output_keys: pic, model: {name: dall-e-2}, prompt: [{user: "{who}"}]}
edges: [{from: START, to: lot}, {from: lot, to: pic}, {from: pic, to: END}]
"""


def _folder(folder: Path, column: str) -> Path:
    (folder / "people.csv").write_text("name,nick\nAda,a\nBob,b\n")
    return task_folder(folder, GRAPH.replace("COLUMN", column), [{"id": str(number)} for number in range(12)])


@pytest.mark.parametrize(("column", "values"), [("name", {"Ada", "Bob"}), ("[name, nick]", {"Ada", "Bob", "a", "b"})])
def test_values_may_be_those_of_a_column(tmp_path: Path, column: str, values: set[str]) -> None:
    assert {row["who"] for row in ran(_folder(tmp_path, column)).rows} == values


def test_a_column_without_values_is_told_with_its_place(tmp_path: Path) -> None:
    folder = _folder(tmp_path, "nmae")

    _, issues = load_task(folder, working_directory=folder)

    assert heads(issues, folder) == [
        "graph_config.yaml:7:43 error[odd-values] no record of the source has a value in nmae"
    ]


def test_a_task_without_data_runs_once(tmp_path: Path) -> None:
    folder = _folder(tmp_path, "name")
    path = folder / "graph_config.yaml"
    path.write_text(path.read_text().replace("data_config:\n  source: {type: disk, file_path: data.json}\n", ""))

    assert main(["check", str(folder)]) == 0
    assert main(["run", str(folder), "--seed", "3", "-o", str(tmp_path / "out")]) == 0

    (row,) = json.loads((tmp_path / "out" / "output.json").read_text())
    assert (row["id"], row["who"] in {"Ada", "Bob"}) == ("record_1", True)


def test_a_field_that_a_task_without_data_cannot_have_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = _folder(tmp_path, "name")
    path = folder / "graph_config.yaml"
    text = path.read_text().replace("data_config:\n  source: {type: disk, file_path: data.json}\n", "")
    path.write_text(text.replace('"{who}"', '"{whom}"'))

    assert main(["check", str(folder)]) == 2

    assert (
        "the prompt of pic needs {whom}, which no record has; the columns are none, and before it nodes answer who"
        in capsys.readouterr().err
    )
