"""The schema that editors read agrees with `imageway check`: on every task there is, and on broken ones."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from fakes.task_files import write_task
from imageway.contract.document import read_document
from imageway.sdk.cli import main
from imageway.sdk.pipeline.loading.task import load_task
from imageway.sdk.pipeline.schema.published import models_schema, task_schema

ROOT = Path(__file__).parents[2]
TASKS = sorted(
    path.parent
    for where in ("examples/*/graph_config.yaml", "tests/cases/seed/*/graph_config.yaml")
    for path in ROOT.glob(where)
)


def faults(path: Path, schema: dict[str, Any]) -> list[str]:
    return [error.message for error in Draft202012Validator(schema).iter_errors(read_document(path).data)]


@pytest.mark.parametrize("folder", TASKS, ids=lambda folder: f"{folder.parent.name}-{folder.name}")
def test_every_task_there_is_fits_the_schema(folder: Path) -> None:
    task, _ = load_task(folder, environment={})

    assert task is not None
    assert faults(folder / "graph_config.yaml", task_schema()) == []
    if (folder / "models.yaml").is_file():
        assert faults(folder / "models.yaml", models_schema()) == []


BROKEN = {
    "a misspelt key": ("parameters:", "paramaters:"),
    "a key too many": ("output_keys: picture", "output_keys: picture\n      tools: [a.b]"),
    "a missing key": ("      output_keys: picture\n", ""),
    "an unknown node type": ("node_type: llm", "node_type: agent"),
    "a text where a list must be": ('- user: "Draw {title}"', "x"),
    "two roles in a message": ('"Draw {title}"', '"Draw {title}"\n          system: x'),
    "an unknown role": ("- user:", "- developer:"),
    "an unknown part": ('user: "Draw {title}"', "user: [{type: audio_url, audio_url: x}]"),
    "a model without a name": ("name: dall-e-2", "output_type: image"),
    "an unknown output type": ("name: dall-e-2", "name: dall-e-2\n        output_type: video"),
    "a condition without its map": ("{from: draw, to: END}", "{from: draw, condition: os.getcwd}"),
    "an edge that ends nowhere": ("{from: draw, to: END}", "{from: draw}"),
    "a column with two sources": ("{from: id}", "{from: id, value: 1}"),
    "an empty column": ("{from: id}", "{}"),
    "a bound of no rounds": ("graph_config:", "graph_config:\n  graph_properties: {max_rounds: 0}"),
    "a negative weight": (
        "  edges:",
        "    lot: {node_type: weighted_sampler, attributes: {a: {values: [1], weights: [-1]}}}\n  edges:",
    ),
    "a schema of two kinds": (
        "data_config:",
        "schema_config: {schema: a.B, fields: [{name: a, type: int}]}\ndata_config:",
    ),
    "an unknown source": ("type: disk", "type: ftp"),
    "something at the top": ("data_config:", "pipeline: {}\ndata_config:"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_what_the_schema_refuses_check_refuses_too(tmp_path: Path, name: str) -> None:
    path = write_task(tmp_path, BROKEN[name])

    task, issues = load_task(path, environment={})

    assert faults(path, task_schema()) != []
    assert task is None
    assert any(issue.severity == "error" for issue in issues)


def test_a_sound_task_passes_both(tmp_path: Path) -> None:
    path = write_task(tmp_path)

    assert load_task(path, environment={})[1] == []
    assert faults(path, task_schema()) == []


def test_the_schemas_are_schemas_and_the_command_prints_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    task = json.loads(capsys.readouterr().out)
    assert main(["schema", "--models"]) == 0
    models = json.loads(capsys.readouterr().out)

    Draft202012Validator.check_schema(task)
    Draft202012Validator.check_schema(models)
    assert (task, models) == (task_schema(), models_schema())
    assert "$id" not in task


def test_every_key_of_a_node_is_explained() -> None:
    definitions = task_schema()["$defs"]

    unexplained = [
        f"{name}.{key}"
        for name in ("LlmNode", "MultiLlmNode", "Edge", "OutputField", "GraphProperties")
        for key, value in definitions[name]["properties"].items()
        if "description" not in value and "$ref" not in value and key != "node_type"
    ]

    assert unexplained == []
