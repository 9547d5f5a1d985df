"""Output columns and schemas made by code of a task's own."""

from pathlib import Path

import pytest

from fakes.task_runs import nodes, ran, task_folder

GENERATOR = """
from sygra.processors.output_record_generator import BaseOutputGenerator

class Rows(BaseOutputGenerator):
    def shout(self, data, state):
        return f"{data.upper()} {len(state)}"

    def fail(self, data, state):
        return data["x"]

class Whole:
    def __init__(self, config):
        pass

    def generate(self, state):
        return None if state["title"] == "none" else {"only": state["title"]}
"""
DRAWING = nodes("pic: {title}") + "edges: [{from: START, to: pic}, {from: pic, to: END}]"


def test_columns_may_be_made_by_methods_and_refer_to_the_task(tmp_path: Path) -> None:
    rest = """
    output_config:
      generator: task_executor.Rows
      output_map:
        id: {from: id}
        loud: {from: title, transform: shout}
        file: {value: $data_config.source.file_path}
        first: {value: {nested: ["$graph_config.edges[0].to", $5.00]}}
    """
    found = ran(task_folder(tmp_path, DRAWING, code=GENERATOR, rest=rest))

    assert found.rows == [{"id": "1", "loud": "A CAT 3", "file": "data.json", "first": {"nested": ["pic", "$5.00"]}}]


def test_a_transform_that_fails_keeps_the_picture_and_tells(tmp_path: Path) -> None:
    rest = """
    output_config:
      generator: task_executor.Rows
      output_map: {pic: {from: pic}, bad: {from: title, transform: fail}}
    """
    found = ran(task_folder(tmp_path, DRAWING, code=GENERATOR, rest=rest))

    assert found.rows[0]["pic"] == "1_pic_0.png"
    assert [(error["code"], error["message"]) for error in found.errors] == [
        ("task_code", "Rows.fail raised TypeError: string indices must be integers, not 'str'")
    ]


@pytest.mark.parametrize("columns", ["", ", output_map: {id: {from: id}, pic: {from: pic}}"])
def test_a_generator_may_make_whole_rows_or_leave_one_out(tmp_path: Path, columns: str) -> None:
    records = [{"id": "1", "title": "x"}, {"id": "2", "title": "none"}]
    rest = f"output_config: {{generator: task_executor.Whole{columns}}}\n"

    found = ran(task_folder(tmp_path, DRAWING, records, code=GENERATOR, rest=rest))

    assert found.rows[0] == {"only": "x"}
    assert [(error["id"], error["code"]) for error in found.errors] == [("2", "skipped")]
    assert found.rows[1]["pic"] == "2_pic_0.png"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ("[{name: count, type: int, is_greater_than: 2}]", []),
        ("[{name: count, type: int, is_greater_than: 3}]", ["count must be greater than 3"]),
        ("[{name: count, type: int, is_less_than: 3}]", ["count must be less than 3"]),
        ("[{name: tags, type: 'list[str]'}]", []),
        ("[{name: tags, type: 'list[int]'}, {name: x, type: any}]", [
            "tags is an array, and must be list[int]; x is missing"
        ]),
        ("[{name: pic, type: str, is_equal_to: z}]", ["pic must be equal to z"]),
        ("[{name: count, type: bool}]", ["count is an integer, and must be bool"]),
    ],
)  # fmt: skip
def test_a_record_that_is_not_as_the_schema_wants_it_fails_and_keeps_its_picture(
    tmp_path: Path, fields: str, told: list[str]
) -> None:
    record = {"id": "1", "title": "x", "count": 3, "tags": ["a"]}

    found = ran(task_folder(tmp_path, DRAWING, [record], rest=f"schema_config: {{fields: {fields}}}\n"))

    wanted = "The finished record isn't as schema_config wants it: schema_config.fields raised ValueError: "
    assert [(error["code"], error["message"]) for error in found.errors] == [("schema", wanted + one) for one in told]
    assert found.rows[0]["pic"] == "1_pic_0.png"


def test_a_schema_may_be_a_class_of_the_task(tmp_path: Path) -> None:
    code = """
    from dataclasses import dataclass

    @dataclass
    class Row:
        id: str
        title: str
        pic: str

        def __post_init__(self):
            if self.title == "bad":
                raise ValueError("bad title")
    """
    records = [{"id": "1", "title": "good"}, {"id": "2", "title": "bad"}]

    found = ran(task_folder(tmp_path, DRAWING, records, code=code, rest="schema_config: {schema: task_executor.Row}\n"))

    assert [error["message"] for error in found.errors] == [
        "The finished record isn't as schema_config wants it: task_executor.Row raised ValueError: bad title"
    ]
