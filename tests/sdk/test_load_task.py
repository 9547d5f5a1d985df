"""What a sound task becomes: its order, its prompts, its columns and its data file."""

from pathlib import Path

import pytest

from fakes.task_files import heads, write_task
from imageway.sdk.pipeline.graph import Graph
from imageway.sdk.pipeline.loading.task import load_task
from imageway.sdk.pipeline.plan import DataFile, ImagePart, OutputColumn, TextPart

EDGES = "    - {from: START, to: draw}\n    - {from: draw, to: END}\n"


def node(name: str) -> str:
    return f"    {name}: {{node_type: llm, output_keys: {name}, prompt: [{{user: x}}], model: {{name: m}}}}\n"


@pytest.mark.parametrize(
    ("edges", "order"),
    [
        (["START draw", "draw a", "a b", "b END"], [("draw", ()), ("a", ("draw",)), ("b", ("draw", "a"))]),
        (["START b", "b a", "a draw", "draw END"], [("draw", ("a", "b")), ("a", ("b",)), ("b", ())]),
        (
            ["START draw", "START a", "draw b", "a b", "b END"],
            [("draw", ()), ("a", ()), ("b", ("draw", "a"))],
        ),
        (
            ["START a", "a b", "a draw", "b END", "draw END", "draw END"],
            [("draw", ("a",)), ("a", ()), ("b", ("a",))],
        ),
        (["START draw", "START a", "START b", "a END"], [("draw", ()), ("a", ()), ("b", ())]),
        (["START END", "START draw", "draw a", "a b"], [("draw", ()), ("a", ("draw",)), ("b", ("draw", "a"))]),
    ],
)
def test_nodes_come_after_those_that_they_need(
    tmp_path: Path, edges: list[str], order: list[tuple[str, tuple[str, ...]]]
) -> None:
    pairs = [edge.split() for edge in edges]
    written = "".join(f"    - {{from: {begin}, to: {end}}}\n" for begin, end in pairs)

    task, issues = load_task(write_task(tmp_path, (EDGES, written), ("  edges:", node("a") + node("b") + "  edges:")))

    assert task is not None
    graph = Graph.of(task.plan)
    before = [(name, tuple(other for other in graph.names if other in graph.before(name))) for name in graph.names]
    assert (before, issues) == (order, [])


def test_parts_of_all_messages_come_in_their_order(tmp_path: Path) -> None:
    prompt = (
        "- system: You draw.\n        - user:\n"
        "          - {type: image_url, image_url: {url: '{a}'}}\n"
        "          - {type: text, text: Now}\n"
        "          - {type: text, text: ''}\n"
        "          - {type: image_url, image_url: b.png}\n"
        "        - assistant: ''\n"
    )

    task, _ = load_task(write_task(tmp_path, ('- user: "Draw {title}"\n', prompt)))

    assert task is not None
    assert task.plan.nodes[0].parts == (
        TextPart(template="You draw."),
        ImagePart(template="{a}"),
        TextPart(template="Now"),
        ImagePart(template="b.png"),
    )
    base = ("graph_config", "nodes", "draw", "prompt")
    assert [place.path for place in task.origins["draw"].parts] == [
        (*base, 0, "system"),
        (*base, 1, "user", 0, "image_url"),
        (*base, 1, "user", 1, "text"),
        (*base, 1, "user", 3, "image_url"),
    ]


def test_constants_and_sources_become_columns(tmp_path: Path) -> None:
    task, _ = load_task(
        write_task(tmp_path, ("id: {from: id}", "a: {value: [1]}\n    b: {value: null}\n    c: {value: $5}"))
    )

    assert task is not None
    assert task.plan.columns == (
        OutputColumn(name="a", value=[1]),
        OutputColumn(name="b"),
        OutputColumn(name="c", value="$5"),
        OutputColumn(name="picture", source="picture"),
    )


@pytest.mark.parametrize("rest", ["", "output_config: {}\n", "output_config:\n"])
def test_without_an_output_map_the_whole_state_is_written(tmp_path: Path, rest: str) -> None:
    output = "output_config:\n  output_map:\n    id: {from: id}\n    picture: {from: picture}\n"

    task, _ = load_task(write_task(tmp_path, (output, rest), ("output_keys: picture", "output_keys: [drawing]")))

    assert task is not None
    assert (task.plan.columns, task.plan.nodes[0].output_key) == (None, "drawing")


def test_a_folder_and_its_file_are_the_same_task(tmp_path: Path) -> None:
    folder = tmp_path / "cats"
    folder.mkdir()
    path = write_task(
        folder, ("  source:", "  id_column: key\n  source:"), ("file_path", "encoding: latin-1\n    file_path")
    )

    by_folder, _ = load_task(folder)
    by_file, _ = load_task(path)

    assert by_folder is not None
    assert by_file is not None
    assert by_folder.plan == by_file.plan
    assert (by_file.plan.name, by_file.plan.folder, by_file.plan.id_column) == ("cats", folder, "key")
    assert by_file.plan.data == DataFile(path=folder / "data.json", encoding="latin-1", folder=folder)


@pytest.mark.parametrize(
    ("file_format", "told"),
    [
        ("json", []),
        (".JSON", []),
        ("csv", [
            "graph_config.yaml:5:18 warning[file-format] file_format is csv, but the file's ending says how it is read"
        ]),
    ],
)  # fmt: skip
def test_the_ending_decides_on_the_format(tmp_path: Path, file_format: str, told: list[str]) -> None:
    task, issues = load_task(write_task(tmp_path, ("data.json", f"data.json\n    file_format: {file_format}")))

    assert task is not None
    assert heads(issues, tmp_path) == told
