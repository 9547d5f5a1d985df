"""Records on their way through graphs: branches, conditions, loops, subgraphs, and code of the task's own."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from fakes.gateway import REJECTED, FakeGateway, Recorded, Reply, drawn
from fakes.task_files import heads
from fakes.task_runs import nodes, ran, task_folder
from imageway.sdk.cli import main
from imageway.sdk.pipeline.loading.task import load_task
from imageway.sdk.pipeline.run import Bounds


def _prompt(asked: Recorded) -> str:
    return str(asked.json["prompt"] if asked.json else dict(asked.texts)["prompt"])


def test_branches_run_side_by_side_and_what_joins_them_runs_once(tmp_path: Path) -> None:
    both = asyncio.Event()
    waiting: set[str] = set()

    async def answer(asked: Recorded) -> Reply:
        if _prompt(asked) in ("left", "right"):
            waiting.add(_prompt(asked))
            if len(waiting) == 2:
                both.set()
            await both.wait()
        return drawn()

    graph = nodes("a: left", "b: right", "c: longer", "d: joined") + (
        "edges: [{from: START, to: a}, {from: START, to: b}, {from: b, to: c}, {from: a, to: d}, {from: c, to: d},"
        " {from: d, to: END}]"
    )
    found = ran(task_folder(tmp_path, graph), FakeGateway(answer))

    assert sorted(found.gateway.prompts[:2]) == ["left", "right"]
    assert found.gateway.prompts[2:] == ["longer", "joined"]
    assert found.rows == [
        {"id": "1", "title": "a cat", "a": "1_a_0.png", "b": "1_b_0.png", "c": "1_c_0.png", "d": "1_d_0.png"}
    ]


CHOICE = """
def choose(state):
    return state["kind"]
"""


def test_a_condition_decides_where_a_record_goes(tmp_path: Path) -> None:
    graph = nodes("big: wall of {title}", "small: stamp of {title}") + (
        "edges:\n"
        "  - {from: START, condition: task_executor.choose, path_map: {large: big, little: small, none: END}}\n"
        "  - {from: big, to: END}\n"
        "  - {from: small, to: END}\n"
    )
    kinds = ["large", "little", "none", "odd", "__end__"]
    records = [{"id": kind, "title": kind, "kind": kind} for kind in kinds]

    found = ran(task_folder(tmp_path, graph, records, code=CHOICE))

    assert sorted(found.gateway.prompts) == ["stamp of little", "wall of large"]
    assert [row.get("big") or row.get("small") for row in found.rows] == [
        "large_big_0.png", "little_small_0.png", None, None, None,
    ]  # fmt: skip
    assert [(error["id"], error["node"], error["code"], error["message"]) for error in found.errors] == [
        (
            "odd",
            "START",
            "task_code",
            "The condition task_executor.choose answered with 'odd'; path_map has large, little, none.",
        ),
        (
            "__end__",
            "START",
            "task_code",
            "The condition task_executor.choose answered with 'END'; path_map has large, little, none.",
        ),
    ]


LOOP = """
class Again:
    @staticmethod
    def apply(state):
        return "END" if len(state["seen"]) >= state["wanted"] else "again"

def note(config, state):
    state["seen"] = [*state.get("seen", []), state["pic"]]
    return state
"""
LOOPING = nodes("pic: {title}") + (
    "  note: {node_type: lambda, lambda: task_executor.note, output_keys: seen}\n"
    "graph_properties: {max_rounds: 3}\n"
    "edges:\n"
    "  - {from: START, to: pic}\n"
    "  - {from: pic, to: note}\n"
    "  - {from: note, condition: task_executor.Again, path_map: {again: pic, END: END}}\n"
)


def test_a_loop_draws_anew_each_time_and_keeps_every_picture(tmp_path: Path) -> None:
    folder = task_folder(tmp_path, LOOPING, [{"id": "1", "title": "x", "wanted": 3}], code=LOOP)

    first = ran(folder)
    again = ran(folder)

    assert first.rows == [
        {"id": "1", "title": "x", "wanted": 3, "pic": "1_pic~3_0.png",
         "seen": ["1_pic_0.png", "1_pic~2_0.png", "1_pic~3_0.png"]},
    ]  # fmt: skip
    keys = [asked.headers["idempotency-key"] for asked in first.gateway.drawn_requests]
    assert len(set(keys)) == 3
    assert (again.rows, again.gateway.drawn_requests, again.summary.reused) == (first.rows, [], 3)


def test_a_loop_without_end_is_stopped_at_its_bound(tmp_path: Path) -> None:
    found = ran(task_folder(tmp_path, LOOPING, [{"id": "1", "title": "x", "wanted": 99}], code=LOOP))

    assert len(found.gateway.drawn_requests) == 3
    assert [(error["node"], error["code"], error["message"]) for error in found.errors] == [
        ("pic", "loop_limit",
         "The node pic has run 3 times for this record, which is graph_properties.max_rounds."),
    ]  # fmt: skip
    assert found.rows[0]["pic"] == "1_pic~3_0.png"


def test_a_node_may_lead_back_to_itself(tmp_path: Path) -> None:
    code = "def more(state):\n    return 'pic' if state['pic'].endswith('1_pic_0.png') else 'END'\n"
    graph = nodes("pic: x") + (
        "edges:\n  - {from: START, to: pic}\n"
        "  - {from: pic, condition: task_executor.more, path_map: {pic: pic, END: END}}\n"
    )

    found = ran(task_folder(tmp_path, graph, code=code))

    assert (len(found.gateway.drawn_requests), found.rows[0]["pic"], found.errors) == (2, "1_pic~2_0.png", [])


def test_where_a_branch_fails_the_one_beside_it_is_finished_and_nothing_else_begun(tmp_path: Path) -> None:
    failed = asyncio.Event()

    async def answer(asked: Recorded) -> Reply:
        if _prompt(asked) == "bad":
            failed.set()
            return REJECTED
        await failed.wait()
        return drawn()

    graph = nodes("a: bad", "b: good", "c: never") + (
        "edges: [{from: START, to: a}, {from: START, to: b}, {from: b, to: c}, {from: a, to: END}, {from: c, to: END}]"
    )
    found = ran(task_folder(tmp_path, graph), FakeGateway(answer))

    assert sorted(found.gateway.prompts) == ["bad", "good"]
    assert [error["code"] for error in found.errors] == ["content_rejected"]
    assert (found.rows[0]["b"], found.rows[0]["a"], found.summary.pictures) == ("1_b_0.png", None, 1)


def test_code_beside_a_branch_does_not_see_what_that_branch_writes(tmp_path: Path) -> None:
    code = """
    def look(config, state):
        return {"seen": sorted(state)}
    """
    graph = nodes("a: x", "b: y") + (
        "  look: {node_type: lambda, lambda: task_executor.look, output_keys: seen}\n"
        "edges: [{from: START, to: a}, {from: START, to: b}, {from: b, to: look}, {from: look, to: END},"
        " {from: a, to: END}]"
    )

    found = ran(task_folder(tmp_path, graph, code=code))

    assert found.rows[0]["seen"] == ["b", "id", "title"]


LAMBDAS = """
def plain(config, state):
    return {"out": f"{config['greeting']} {state['title']}"}

async def awaited(config, state):
    state["out"] = f"{config['greeting']} {state['title']}"
    return state

class Static:
    @staticmethod
    def apply(lambda_node_dict, state):
        return {**state, "out": f"{lambda_node_dict['greeting']} {state['title']}"}

class Bare:
    def apply(lambda_node_dict, state):
        return {"out": f"{lambda_node_dict['greeting']} {state['title']}"}

class Instance:
    async def apply(self, lambda_node_dict, state):
        return {"out": f"{lambda_node_dict['greeting']} {state['title']}"}

def undeclared(config, state):
    state["tilte"] = 1
    return state

def nothing(config, state):
    pass

def strange(config, state):
    return {"out": {"a": [object()]}}

def rich(config, state):
    from datetime import date
    from pathlib import Path
    return {"out": [Path("a.png"), date(2026, 1, 2), ("x", {1: b"y"}), None]}

def no_number(config, state):
    return {"out": {"score": [1.5, float("nan")]}}

def endless_number(config, state):
    from decimal import Decimal
    return {"out": Decimal("-Infinity")}

def broken(config, state):
    raise LookupError("no such hat")

def leaving(config, state):
    raise SystemExit(0)

def interrupting(config, state):
    raise KeyboardInterrupt

async def cancelled(config, state):
    import asyncio
    raise asyncio.CancelledError

def endless(config, state):
    state["out"] = []
    state["out"].append(state["out"])
    return state
"""


def _with_lambda(folder: Path, name: str) -> Path:
    graph = f"""
    nodes:
      say: {{node_type: lambda, lambda: task_executor.{name}, output_keys: out, greeting: hello}}
    edges: [{{from: START, to: say}}, {{from: say, to: END}}]
    """
    return task_folder(folder, graph, code=LAMBDAS)


@pytest.mark.parametrize("name", ["plain", "awaited", "Static", "Bare", "Instance"])
def test_a_lambda_is_a_function_or_a_class_and_gets_its_node(tmp_path: Path, name: str) -> None:
    assert ran(_with_lambda(tmp_path, name)).rows == [{"id": "1", "title": "a cat", "out": "hello a cat"}]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("undeclared", "task_executor.undeclared set tilte, which output_keys doesn't list; it is out."),
        (
            "strange",
            "task_executor.strange set out to a value of object;"
            " a record holds text, numbers, bytes, times, paths, lists and mappings.",
        ),
        ("nothing", "task_executor.nothing answered with nothing; it must return the state."),
        ("broken", "task_executor.broken raised LookupError: no such hat"),
        ("leaving", "task_executor.leaving raised SystemExit: 0"),
        ("interrupting", "task_executor.interrupting raised KeyboardInterrupt"),
        ("cancelled", "task_executor.cancelled raised CancelledError"),
        (
            "no_number",
            "task_executor.no_number set out to nan, which is no number that JSON has;"
            " null (None) says that there is none.",
        ),
        (
            "endless_number",
            "task_executor.endless_number set out to -Infinity, which is no number that JSON has;"
            " null (None) says that there is none.",
        ),
        ("endless", "task_executor.endless set out to a value of more than 100 levels."),
    ],
)
def test_code_that_goes_wrong_fails_its_record_alone(tmp_path: Path, name: str, told: str) -> None:
    found = ran(_with_lambda(tmp_path, name))

    assert [(error["node"], error["code"], error["message"]) for error in found.errors] == [("say", "task_code", told)]
    assert found.rows[0]["_error"]["code"] == "task_code"


def test_a_picture_is_kept_where_code_fails_after_it(tmp_path: Path) -> None:
    graph = nodes("pic: {title}") + (
        "  fail: {node_type: lambda, lambda: task_executor.broken, output_keys: out}\n"
        "edges: [{from: START, to: pic}, {from: pic, to: fail}, {from: fail, to: END}]"
    )

    found = ran(task_folder(tmp_path, graph, code=LAMBDAS))

    assert found.rows[0]["pic"] == "1_pic_0.png"
    assert [(error["code"], error["message"]) for error in found.errors] == [
        ("task_code", "task_executor.broken raised LookupError: no such hat")
    ]


def test_what_code_makes_is_kept_as_json(tmp_path: Path) -> None:
    kept = ["a.png", "2026-01-02", ["x", {"1": "data:application/octet-stream;base64,eQ=="}], None]

    assert ran(_with_lambda(tmp_path, "rich")).rows[0]["out"] == kept


def test_one_node_after_another_may_fill_a_field_anew_and_both_pictures_stay(tmp_path: Path) -> None:
    graph = nodes("pic: first", "again: {pic} anew").replace("output_keys: again", "output_keys: pic") + (
        "edges: [{from: START, to: pic}, {from: pic, to: again}, {from: again, to: END}]"
    )

    found = ran(task_folder(tmp_path, graph))

    files = sorted(path.name for path in (tmp_path / "out" / "multimodal_output" / "image").glob("*.png"))
    assert (found.rows[0]["pic"], files) == ("1_pic~2_0.png", ["1_pic_0.png", "1_pic~2_0.png"])


HOOKS = """
class Shout:
    def apply(self, state):
        state["title"] = state["title"].upper()
        return state

class Split:
    def apply(self, resp, state):
        return {"pic": resp.message.content, "was": state["title"]}

def only(answer):
    return {"pic": answer.content}

def odd(answer, state):
    return {"pci": 1}
"""


def _hooked(folder: Path, post: str, keys: str) -> Path:
    graph = f"""
    nodes:
      pic:
        node_type: llm
        pre_process: task_executor.Shout
        post_process: task_executor.{post}
        model: {{name: dall-e-2}}
        prompt: [{{user: "Draw {{title}}"}}]
        output_keys: {keys}
    edges: [{{from: START, to: pic}}, {{from: pic, to: END}}]
    """
    return task_folder(folder, graph, code=HOOKS)


@pytest.mark.parametrize(
    ("post", "keys", "row"),
    [
        ("Split", "[pic, was]", {"pic": "1_pic_0.png", "was": "A CAT"}),
        ("only", "pic", {"pic": "1_pic_0.png"}),
    ],
)
def test_processors_stand_before_the_prompt_and_after_the_answer(
    tmp_path: Path, post: str, keys: str, row: dict[str, str]
) -> None:
    found = ran(_hooked(tmp_path, post, keys))

    assert found.gateway.prompts == ["Draw A CAT"]
    assert found.rows == [{"id": "1", "title": "a cat", **row}]


def test_a_post_processor_fills_its_output_keys_and_nothing_else(tmp_path: Path) -> None:
    found = ran(_hooked(tmp_path, "odd", "pic"))

    assert [error["message"] for error in found.errors] == [
        'task_executor.odd set pci, which output_keys doesn\'t list; it is pic. Did you mean "pic"?'
    ]
    assert found.rows[0]["pic"] == "1_pic_0.png"


def test_several_models_answer_one_prompt_by_label(tmp_path: Path) -> None:
    graph = """
    nodes:
      both:
        node_type: multi_llm
        models: {old: {name: dall_e_2, parameters: {size: 256x256}}, new: {name: dall-e-3}}
        prompt: [{user: "{title}"}]
        output_keys: both
    edges: [{from: START, to: both}, {from: both, to: END}]
    """
    folder = task_folder(tmp_path, graph)

    found = ran(folder)

    asked = sorted((asked.json["model"], asked.json["prompt"]) for asked in found.gateway.drawn_requests)
    assert asked == [("dall-e-2", "a cat"), ("dall-e-3", "a cat")]
    assert found.rows[0]["both"] == {"old": "1_both_old_0.png", "new": "1_both_new_0.png"}
    assert ran(folder).gateway.drawn_requests == []


async def _old_fails(asked: Recorded) -> Reply:
    return REJECTED if asked.json["model"] == "dall-e-2" else drawn()


def test_a_model_that_fails_among_several_fails_the_record_and_not_the_others_pictures(tmp_path: Path) -> None:
    graph = """
    nodes:
      both:
        node_type: multi_llm
        models: {old: {name: dall-e-2}, new: {name: dall-e-3}}
        prompt: [{user: "{title}"}]
        output_keys: both
    edges: [{from: START, to: both}, {from: both, to: END}]
    """

    found = ran(task_folder(tmp_path, graph), FakeGateway(_old_fails))

    assert found.rows[0]["both"] == {"new": "1_both_new_0.png"}
    assert [(error["node"], error["code"]) for error in found.errors] == [("both/old", "content_rejected")]


SAMPLER = """
nodes:
  lot:
    node_type: weighted_sampler
    attributes:
      mood: {values: [calm, wild, odd, proud]}
      sure: {values: [never, always], weights: [0, 1]}
  pic: {node_type: llm, output_keys: pic, model: {name: dall-e-2}, prompt: [{user: "{title}: {mood}, {sure}"}]}
edges: [{from: START, to: lot}, {from: lot, to: pic}, {from: pic, to: END}]
"""


def test_lots_are_the_same_for_a_record_whatever_else_is_run(tmp_path: Path) -> None:
    records = [{"id": str(number), "title": "x"} for number in range(8)]
    folder = task_folder(tmp_path, SAMPLER, records)

    moods = [row["mood"] for row in ran(folder).rows]
    backwards = task_folder(tmp_path, SAMPLER, records[::-1])
    again = ran(backwards)

    assert [row["mood"] for row in again.rows] == moods[::-1]
    assert again.gateway.drawn_requests == []
    assert len(set(moods)) > 1
    assert {row["sure"] for row in again.rows} == {"always"}


def test_another_seed_draws_other_lots(tmp_path: Path) -> None:
    folder = task_folder(tmp_path, SAMPLER, [{"id": str(number), "title": "x"} for number in range(8)])

    assert [row["mood"] for row in ran(folder).rows] != [row["mood"] for row in ran(folder, seed=1).rows]


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


def test_several_pictures_flow_into_an_edit_as_several(tmp_path: Path) -> None:
    graph = """
    nodes:
      pics: {node_type: llm, output_keys: pics, model: {name: dall-e-2, parameters: {n: 3}}, prompt: [{user: x}]}
      one:
        node_type: llm
        output_keys: one
        model: {name: gpt-image-1}
        prompt: [{user: [{type: image_url, image_url: "{pics}"}, {type: text, text: join}]}]
    edges: [{from: START, to: pics}, {from: pics, to: one}, {from: one, to: END}]
    """
    found = ran(task_folder(tmp_path, graph))

    assert [part[0] for part in found.gateway.drawn_requests[1].files] == ["image[]"] * 3
    assert found.rows[0]["one"] == "1_one_0.png"


def test_parameters_are_filled_per_record_and_typed_by_the_model(tmp_path: Path) -> None:
    graph = """
    nodes:
      pic:
        node_type: llm
        output_keys: pic
        model: {name: dall-e-2, parameters: {size: "{w}x{w}", n: "{n}", user: "{{u}} {title}"}}
        prompt: [{user: x}]
    edges: [{from: START, to: pic}, {from: pic, to: END}]
    """
    records = [
        {"id": "1", "title": "t", "w": "512", "n": "2"},
        {"id": "2", "title": "t", "w": 256, "n": 1},
        {"id": "3", "title": "t", "w": 300, "n": 11},
        {"id": "4", "title": "t", "w": 256},
    ]
    found = ran(task_folder(tmp_path, graph, records), bounds=Bounds(concurrency=1))

    sent = [(asked.json["size"], asked.json["n"], asked.json["user"]) for asked in found.gateway.drawn_requests]
    assert sent == [("512x512", 2, "{u} t"), ("256x256", 1, "{u} t")]
    assert [(error["id"], error["code"]) for error in found.errors] == [("3", "unsupported"), ("4", "missing_field")]
    assert [violation["param"] for violation in found.errors[0]["violations"]] == ["n", "size"]
    assert found.errors[1]["message"] == (
        "The parameter n needs {n}, which this record doesn't have; it has id, title, w."
    )


def test_json_in_a_prompt_and_braces_in_values_stay_as_they_are(tmp_path: Path) -> None:
    graph = """
    nodes:
      pic:
        node_type: llm
        output_keys: pic
        model: {name: dall-e-2}
        prompt: [{user: 'As {"style": {"mood": "{title}"}} says'}]
    edges: [{from: START, to: pic}, {from: pic, to: END}]
    """
    records = [{"id": "1", "title": "{id} {{x}} {nothing}"}]

    found = ran(task_folder(tmp_path, graph, records))

    assert found.gateway.prompts == ['As {"style": {"mood": "{id} {{x}} {nothing}"}} says']


def test_two_tasks_in_one_process_have_code_of_their_own(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        code = f"def plain(config, state):\n    return {{'out': '{name}'}}\n"
        _with_lambda(tmp_path / name, "plain")
        (tmp_path / name / "task_executor.py").write_text(code)

    assert [ran(tmp_path / name).rows[0]["out"] for name in ("one", "two")] == ["one", "two"]


def test_code_is_found_from_a_folder_above_by_sygras_dotted_paths(tmp_path: Path) -> None:
    folder = tmp_path / "tasks" / "hats"
    folder.mkdir(parents=True)
    _with_lambda(folder, "plain")
    path = folder / "graph_config.yaml"
    path.write_text(path.read_text().replace("task_executor.plain", "tasks.hats.task_executor.plain"))

    assert ran(folder).rows[0]["out"] == "hello a cat"


def test_what_a_failing_import_says_is_told_with_its_place(tmp_path: Path) -> None:
    folder = _with_lambda(tmp_path, "plain")
    (folder / "task_executor.py").write_text("import hatstand\n")
    _, missing = load_task(folder, working_directory=folder)
    (folder / "task_executor.py").write_text("1 / 0\n")
    _, broken = load_task(folder, working_directory=folder)
    (folder / "task_executor.py").write_text("def plian(config, state): ...\n")
    _, absent = load_task(folder, working_directory=folder)

    assert heads([*missing, *broken, *absent], folder) == [
        "graph_config.yaml:5:38 error[task-code] task_executor can't be imported: there is no module hatstand",
        "graph_config.yaml:5:38 error[task-code] task_executor can't be imported: ZeroDivisionError: division by zero",
        'graph_config.yaml:5:38 error[task-code] task_executor has no plain | did you mean "plian"?',
    ]


def test_what_a_tasks_code_prints_is_no_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = _with_lambda(tmp_path, "plain")
    path = folder / "task_executor.py"
    path.write_text(
        "print('loaded')\n" + path.read_text().replace('return {"out"', "print('called')\n    return {\"out\"", 1)
    )

    assert main(["run", str(folder), "--json"]) == 0

    told = capsys.readouterr()
    assert json.loads(told.out)["succeeded"] == 1
    assert ("loaded" in told.err, "called" in told.err) == (True, True)


def test_what_a_tasks_code_writes_without_python_is_no_data_either(tmp_path: Path) -> None:
    folder = _with_lambda(tmp_path, "plain")
    path = folder / "task_executor.py"
    code = "import os, subprocess\nos.write(1, b'loaded\\n')\n" + path.read_text()
    path.write_text(
        code.replace('return {"out"', "subprocess.run(['echo', 'called'], check=True)\n    return {\"out\"", 1)
    )
    command = [sys.executable, "-m", "imageway.sdk.cli", "run", str(folder), "--json", "--events", "-"]

    ended = subprocess.run(command, capture_output=True, text=True, check=True)

    *events, told = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [event["type"] for event in events] == ["started", "record"]
    assert told["succeeded"] == 1
    assert [line for line in ended.stderr.splitlines() if line in ("loaded", "called")] == ["loaded", "called"]


def test_a_task_may_take_messages_and_ends_from_the_libraries_that_sygra_uses(tmp_path: Path) -> None:
    code = """
    from langchain_core.messages import AIMessage
    from langgraph.graph import END

    def say(config, state):
        return {"said": AIMessage("hat", name="x").content}

    def stop(state):
        return END
    """
    graph = """
    nodes: {say: {node_type: lambda, lambda: task_executor.say, output_keys: said}}
    edges:
      - {from: START, to: say}
      - {from: say, condition: task_executor.stop, path_map: {END: END, again: say}}
    """

    assert ran(task_folder(tmp_path, graph, code=code)).rows[0]["said"] == "hat"


def test_changed_code_is_another_plan_and_still_finds_what_was_paid_for(tmp_path: Path) -> None:
    folder = _hooked(tmp_path, "only", "pic")
    ran(folder)
    (folder / "task_executor.py").write_text(HOOKS.replace('{"pic": answer.content}', '{"pic": [answer.content]}'))

    again = ran(folder)

    assert (again.rows[0]["pic"], again.gateway.drawn_requests) == (["1_pic_0.png"], [])
    assert json.dumps(again.rows)
