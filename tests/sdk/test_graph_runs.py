"""Records on their way through graphs: branches, conditions, loops, lots, and several models."""

import asyncio
from pathlib import Path

from fakes.gateway import REJECTED, FakeGateway, Recorded, Reply, drawn
from fakes.task_runs import SAMPLER, nodes, ran, task_folder
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
