"""Graphs within graphs: they run in their nodes' places, with the task's words over theirs."""

import sys
from pathlib import Path

from fakes.task_files import heads
from fakes.task_runs import SAMPLER, ran, task_folder
from imageway.sdk.pipeline.loading.task import load_task


def _with_subgraph(folder: Path, code: str = "") -> Path:
    inner = folder / "inner"
    inner.mkdir()
    task_folder(inner, SAMPLER.replace("{title}", "{p}"), code="def f(): pass")
    graph = """
    nodes:
      make:
        node_type: subgraph
        subgraph: inner
        node_config_map:
          pic:
            output_keys: made
            prompt_placeholder_map: {p: title}
            model: {parameters: {size: 256x256}}
      edit: {node_type: llm, output_keys: red, model: {name: gpt-image-1},
             prompt: [{user: [{type: image_url, image_url: "{made}"}, {type: text, text: redder}]}]}
    edges: [{from: START, to: make}, {from: make, to: edit}, {from: edit, to: END}]
    """
    return task_folder(folder, graph, code=code)


def test_a_subgraph_runs_in_its_nodes_place_with_words_over_its_own(tmp_path: Path) -> None:
    found = ran(_with_subgraph(tmp_path))

    first, second = found.gateway.drawn_requests
    mood = found.rows[0]["mood"]
    assert first.json == {
        "prompt": f"a cat: {mood}, always", "size": "256x256", "response_format": "b64_json", "model": "dall-e-2",
    }  # fmt: skip
    assert dict(second.texts)["prompt"] == "redder"
    assert (found.rows[0]["made"], found.rows[0]["red"]) == ("1_made_0.png", "1_red_0.png")


def test_a_subgraph_has_code_of_its_own_beside_the_tasks(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    lambda_node = "{node_type: lambda, lambda: task_executor.say, output_keys: KEY}"
    task_folder(
        inner,
        "nodes: {say: "
        + lambda_node.replace("KEY", "inside")
        + "}\nedges: [{from: START, to: say}, {from: say, to: END}]",
        code="import names\ndef say(config, state):\n    return {'inside': names.NAME}\n",
    )
    (inner / "names.py").write_text("NAME = 'inner'\n")
    (tmp_path / "names.py").write_text("NAME = 'outer'\n")
    graph = (
        "nodes:\n  first: " + lambda_node.replace("KEY", "outside") + "\n"
        "  within: {node_type: subgraph, subgraph: inner}\n"
        "edges: [{from: START, to: first}, {from: first, to: within}, {from: within, to: END}]"
    )
    code = "import names\ndef say(config, state):\n    return {'outside': names.NAME}\n"

    row = ran(task_folder(tmp_path, graph, code=code)).rows[0]

    assert (row["outside"], row["inside"]) == ("outer", "inner")
    assert not {"names", "task_executor"} & set(sys.modules)


def test_what_is_wrong_with_a_subgraph_is_told_in_its_own_file_or_where_it_is_overridden(tmp_path: Path) -> None:
    folder = _with_subgraph(tmp_path)
    inner, outer = folder / "inner" / "graph_config.yaml", folder / "graph_config.yaml"
    outer.write_text(outer.read_text().replace("output_keys: made", "output_kyes: made").replace("subgraph: inner",
                     "subgraph: inner\n      node_state: active"))  # fmt: skip
    inner.write_text(inner.read_text().replace("from: lot, to: pic", "from: lot, to: pci"))

    _, issues = load_task(folder, working_directory=folder)

    assert heads(issues, folder) == [
        "graph_config.yaml:11:11 error[unknown-key] graph_config.nodes.pic.output_kyes is not a key here;"
        " allowed are pre_process, post_process, mask, on_violation, node_state, node_name",
        "inner/graph_config.yaml:1:1 note[no-effect] data_config has no effect in a subgraph:"
        " the task around it decides",
        "inner/graph_config.yaml:11:51 error[unknown-node] there is no node pci; allowed are END, lot, pic"
        ' | did you mean "pic"?',
    ]


def test_nothing_can_be_said_over_a_graph_within_a_graph(tmp_path: Path) -> None:
    folder = _with_subgraph(tmp_path)
    (folder / "middle").mkdir()
    task_folder(
        folder / "middle",
        "nodes: {deep: {node_type: subgraph, subgraph: inner}}\n"
        "edges: [{from: START, to: deep}, {from: deep, to: END}]",
    )
    outer = folder / "graph_config.yaml"
    text = outer.read_text().replace("subgraph: inner", "subgraph: middle")
    outer.write_text(text.replace("pic:\n", "deep:\n", 1))

    _, issues = load_task(folder, working_directory=folder)

    assert (
        "graph_config.yaml:9:9 error[odd-override] nothing can be said over deep, which is a subgraph itself"
        in heads(issues, folder)
    )


def test_a_subgraph_that_holds_itself_is_refused(tmp_path: Path) -> None:
    graph = """
    nodes: {me: {node_type: subgraph, subgraph: .}}
    edges: [{from: START, to: me}, {from: me, to: END}]
    """
    _, issues = load_task(task_folder(tmp_path, graph), working_directory=tmp_path)

    assert heads(issues, tmp_path) == [
        "graph_config.yaml:4:47 error[endless-subgraph] . holds itself, or lies more than 8 graphs deep"
    ]
