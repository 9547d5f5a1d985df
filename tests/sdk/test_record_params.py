"""Parameters that records fill are judged before the first record is run, as far as its records were looked at."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from fakes.gateway import specs
from fakes.task_files import heads
from fakes.task_runs import loaded, task_folder
from imageway.sdk.pipeline.checking.check import check_capabilities, check_data

GRAPH = """
nodes:
  pic:
    node_type: llm
    output_keys: pic
    model: {name: dall-e-2, parameters: {size: "{size}", n: "{n}"}}
    prompt: [{user: "{title.text} {title} {{size.x}}"}]
edges: [{from: START, to: pic}, {from: pic, to: END}]
"""
GOOD = {"id": "1", "title": "t", "size": "512x512", "n": "10"}


def told(folder: Path, *records: dict[str, Any]) -> list[str]:
    task = loaded(task_folder(folder, GRAPH, records))
    issues = check_capabilities(replace(task, sample=records), specs(), today=date(2024, 1, 1))
    return heads(issues, folder)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"n": 10, "size": "256x256"}, []),
        ({"n": "11"}, [
            "graph_config.yaml:8:63 warning[unsupported] dall-e-2: Invalid 'n': integer above maximum value."
            " Expected a value <= 10, but got 11 instead (1 of 2 records: 2)"
        ]),
        ({"size": "1x1"}, [
            "graph_config.yaml:8:50 warning[unsupported] dall-e-2: Invalid size '1x1'."
            " Supported sizes are: '256x256', '512x512', and '1024x1024' (1 of 2 records: 2)"
        ]),
    ],
)  # fmt: skip
def test_a_value_that_the_model_refuses_is_told_with_its_records(
    tmp_path: Path, change: dict[str, Any], expected: list[str]
) -> None:
    assert told(tmp_path, GOOD, {**GOOD, "id": "2", **change}) == expected


def test_what_every_record_has_wrong_is_an_error(tmp_path: Path) -> None:
    (head,) = told(tmp_path, {**GOOD, "n": 0}, {**GOOD, "id": "2", "n": 11})

    assert head.startswith("graph_config.yaml:8:63 error[unsupported] dall-e-2: Invalid 'n': ")
    assert head.endswith(" (2 of 2 records: 1, 2)")


def test_a_parameter_that_no_record_fills_is_told_with_the_columns(tmp_path: Path) -> None:
    task = loaded(task_folder(tmp_path, GRAPH))

    assert heads(check_data(task, [{"id": "1", "title": "t", "sise": "x", "n": 1}]), tmp_path) == [
        "graph_config.yaml:8:50 error[missing-field] the parameter size of pic needs {size}, which no record has;"
        ' the columns are id, title, sise, n | did you mean "sise"?',
        "graph_config.yaml:9:23 warning[not-a-field] {title.text} stays in the prompt as it stands:"
        " fields are bare names, such as {title}",
    ]
