"""Code of a task's own in its runs: lambdas, hooks, and what it imports and prints."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fakes.task_files import heads
from fakes.task_runs import nodes, ran, task_folder
from imageway.sdk.cli import main
from imageway.sdk.pipeline.loading.task import load_task

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
