"""Steps of a pipeline that write text: a real chat endpoint on loopback, called once for each answer."""

import json
from pathlib import Path
from typing import Any

import pytest

from fakes.gateway import FakeGateway, data_url
from fakes.task_files import heads
from fakes.task_runs import ran, task_folder
from fakes.upstream import PNG, Reply, Upstream, failed
from imageway.sdk.cli import main
from imageway.sdk.pipeline.loading.task import load_task
from imageway.sdk.pipeline.plan import TextNode
from imageway.sdk.pipeline.run import Bounds
from loopback import serving

GRAPH = """
nodes:
  write:
    node_type: llm
    output_keys: idea
    model: {name: writer, parameters: {temperature: 0.5}}
    prompt:
      - system: You write prompts.
      - user: "A prompt for {title}"
  draw: {node_type: llm, output_keys: pic, model: {name: dall-e-2}, prompt: [{user: "Draw {idea}"}]}
edges: [{from: START, to: write}, {from: write, to: draw}, {from: draw, to: END}]
"""


def completion(text: str | None, **choice: Any) -> Reply:
    body = {"choices": [{"index": 0, "message": {"role": "assistant", "content": text}, **choice}]}
    return Reply(body=json.dumps(body).encode(), headers={"x-request-id": "req-chat"})


def answering(reply: Reply) -> Upstream:
    chat = Upstream()
    chat.replies.append(reply)
    return chat


def models(url: str) -> str:
    return f"writer: {{model: small, output_type: text, url: '{url}/v1', auth_token: 'env:CHAT_KEY'}}\n"


def test_a_prompt_is_written_and_drawn_and_neither_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHAT_KEY", "sesame")
    chat = answering(completion("a cat in a hat"))
    with serving(chat) as url:
        folder = task_folder(tmp_path, GRAPH, models=models(url))
        first = ran(folder)
        again = ran(folder)

    (asked,) = chat.requests
    assert asked.path == "/v1/chat/completions"
    assert asked.json == {
        "temperature": 0.5,
        "model": "small",
        "messages": [
            {"role": "system", "content": "You write prompts."},
            {"role": "user", "content": "A prompt for a cat"},
        ],
    }
    assert asked.headers["authorization"] == "Bearer sesame"
    assert asked.headers["idempotency-key"].startswith("imageway-")
    assert first.gateway.prompts == ["Draw a cat in a hat"]
    assert first.rows == [{"id": "1", "title": "a cat", "idea": "a cat in a hat", "pic": "1_pic_0.png"}]
    assert (again.rows, again.gateway.drawn_requests) == (first.rows, [])


@pytest.mark.parametrize(
    ("reply", "code", "message", "may_have_billed"),
    [
        (
            completion(None),
            "upstream_unavailable",
            "The chat endpoint's answer has no text (finish_reason None).",
            True,
        ),
        (
            completion("x", finish_reason="content_filter"),
            "content_rejected",
            "The chat model refused this request.",
            True,
        ),
        (Reply(body=b"<html>"), "upstream_unavailable", "The chat endpoint's answer is no chat completion.", True),
        (failed(429, "insufficient_quota", "nothing left"), "rate_limited", "nothing left", None),
        (failed(400, "bad_request", "no such parameter"), "invalid_request", "no such parameter", None),
        (failed(500, "server_error", "oops"), "upstream_unavailable", "oops", True),
    ],
)  # fmt: skip
def test_a_fault_of_the_endpoint_fails_the_record_and_is_not_asked_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reply: Reply, code: str, message: str, may_have_billed: bool | None
) -> None:
    monkeypatch.setenv("CHAT_KEY", "sesame")
    chat = answering(reply)
    with serving(chat) as url:
        folder = task_folder(tmp_path, GRAPH, models=models(url))
        found, again = ran(folder), ran(folder)
        asked = len(chat.requests)
        told_to = ran(folder, retry_failed=may_have_billed is None, retry_unknown=may_have_billed is True)

    assert (asked, again.errors) == (1, found.errors)
    assert (len(chat.requests), told_to.summary.succeeded) == (2, 0)
    (error,) = found.errors
    assert (error["node"], error["code"], error["message"], error.get("may_have_billed")) == (
        "write", code, message, may_have_billed,
    )  # fmt: skip
    assert found.gateway.drawn_requests == []


def test_text_calls_are_in_what_is_told_of_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CHAT_KEY", "sesame")
    usage = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
    body = {"choices": [{"message": {"content": "a hat"}}], "usage": usage}
    chat = answering(Reply(body=json.dumps(body).encode(), headers={"x-request-id": "req-chat"}))
    with serving(chat) as url:
        ran(task_folder(tmp_path, GRAPH, models=models(url)))

    assert main(["status", str(tmp_path / "out"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["calls"] == {"answered": 2}
    assert main(["show", str(tmp_path / "out"), "1", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    written = shown["calls"][0]
    kept = ("node", "state", "attempts", "request_id", "cost_usd", "usage", "answered", "fault", "pictures")
    assert {name: written[name] for name in kept} == {
        "node": "write",
        "state": "answered",
        "attempts": 1,
        "request_id": "req-chat",
        "cost_usd": None,
        "usage": usage,
        "answered": {"text": "a hat"},
        "fault": None,
        "pictures": [],
    }
    assert {name: value for name, value in written["asked"].items() if name != "imageway"} == {
        "operation": "write",
        "model": "small",
        "messages": chat.requests[0].json["messages"],
        "parameters": {"temperature": 0.5},
    }
    assert shown["records"][0]["attempts"] == 2


def test_a_key_that_the_endpoint_refuses_stops_the_run_and_nothing_is_in_doubt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHAT_KEY", "sesame")
    chat = answering(failed(401, "invalid_api_key", "wrong key"))
    records = [{"id": str(number), "title": "x"} for number in range(3)]
    with serving(chat) as url:
        folder = task_folder(tmp_path, GRAPH, records, models=models(url))
        found = ran(folder, bounds=Bounds(concurrency=1))
        chat.replies.extend(completion("a hat") for _ in records)
        again = ran(folder, bounds=Bounds(concurrency=1))

    assert (found.summary.stopped, found.summary.reason) == ("unauthorised", "wrong key")
    assert (len(chat.requests), again.summary.succeeded) == (4, 3)


def test_an_endpoint_that_is_not_there_stops_the_run(tmp_path: Path) -> None:
    found = ran(task_folder(tmp_path, GRAPH, models="writer: {output_type: text, url: 'http://127.0.0.1:9/v1'}\n"))

    assert found.summary.stopped == "unreachable"
    assert found.summary.reason.startswith("can't reach the chat endpoint at http://127.0.0.1:9/v1: ")


def test_pictures_of_a_text_prompt_are_sent_as_data_urls(tmp_path: Path) -> None:
    graph = """
    nodes:
      look:
        node_type: llm
        output_keys: said
        model: {name: eyes}
        prompt: [{user: [{type: text, text: "What is it?"}, {type: image_url, image_url: "{photos}"}]}]
    edges: [{from: START, to: look}, {from: look, to: END}]
    """
    chat = answering(completion("a kite"))
    records = [{"id": "1", "photos": [data_url(PNG), data_url(PNG)]}]
    with serving(chat) as url:
        folder = task_folder(tmp_path, graph, records, models=f"eyes: {{output_type: text, url: '{url}'}}\n")
        found = ran(folder)

    picture = {"type": "image_url", "image_url": {"url": data_url(PNG)}}
    assert chat.requests[0].json["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "What is it?"}, picture, picture]}
    ]
    assert found.rows[0]["said"] == "a kite"
    assert found.gateway.drawn_requests == []


def test_the_environment_may_say_where_an_alias_is_and_that_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYGRA_WRITER_TOKEN", "key")
    chat = answering(completion("a hat"))
    with serving(chat) as url:
        environment = {"SYGRA_WRITER_URL": url, "SYGRA_WRITER_TOKEN": "key", "SYGRA_WRITER_DELAY": "0"}
        folder = task_folder(tmp_path, GRAPH, models="writer: {model: small}\nwriter_x: {model: other}\n")
        _, issues = load_task(folder, working_directory=folder, environment=environment)
        found = ran(folder, FakeGateway(), environment=environment)

    assert heads(issues, folder) == [
        "note[environment] SYGRA_WRITER_URL is taken from the environment",
        "note[environment] SYGRA_WRITER_TOKEN is taken from the environment",
        "note[environment] SYGRA_WRITER_DELAY has no effect here",
        "models.yaml:1:17 note[taken-as] writer answers with text here: it has a url and no output_type",
    ]
    assert chat.requests[0].headers["authorization"] == "Bearer key"
    assert found.rows[0]["idea"] == "a hat"


@pytest.mark.parametrize("name", ["model", "messages", "n", "stream"])
def test_what_the_pipeline_sets_of_a_text_call_is_nobody_elses(tmp_path: Path, name: str) -> None:
    graph = GRAPH.replace("temperature: 0.5", f"{name}: 1")
    folder = task_folder(tmp_path, graph, models=models("http://127.0.0.1:9"))

    _, issues = load_task(folder, working_directory=folder, environment={})

    assert heads(issues, folder) == [
        f"graph_config.yaml:8:42 error[set-by-pipeline] {name} isn't a parameter to give: the pipeline sets it"
    ]


def test_a_variable_belongs_to_the_longest_alias(tmp_path: Path) -> None:
    environment = {"SYGRA_GPT_IMAGE_1_CUSTOM_MODEL": "dall-e-3"}
    graph = GRAPH.replace("name: writer", "name: gpt_image_1").replace("name: dall-e-2", "name: gpt_image_1_custom")
    models_file = "gpt_image_1: {model: gpt-image-1}\ngpt_image_1_custom: {model: dall-e-2}\n"
    folder = task_folder(tmp_path, graph.replace(", parameters: {temperature: 0.5}", ""), models=models_file)

    task, _ = load_task(folder, working_directory=folder, environment=environment)

    assert task is not None
    assert [node.model for node in task.plan.image_nodes] == ["gpt-image-1", "dall-e-3"]


def test_an_alias_with_signs_that_no_variable_has_is_spelled_with_underscores(tmp_path: Path) -> None:
    environment = {"SYGRA_GPT_4_1_MINI_URL": "http://a/v1", "SYGRA_GPT-4.1-MINI_MODEL": "small"}
    graph = GRAPH.replace("name: writer", "name: gpt-4.1-mini")
    folder = task_folder(tmp_path, graph, models="gpt-4.1-mini: {output_type: text}\ngpt-4: {model: x}\n")

    task, issues = load_task(folder, working_directory=folder, environment=environment)

    assert heads(issues, folder) == [f"note[environment] {name} is taken from the environment" for name in environment]
    assert task is not None
    node = task.plan.nodes[0]
    assert isinstance(node, TextNode)
    assert (node.model, node.endpoint.url) == ("small", "http://a/v1")


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("output_type: text", [
            "graph_config.yaml:8:7 error[missing-key] a text node needs the base URL of a chat endpoint,"
            " such as http://localhost:8000/v1: url in the models file, or SYGRA_WRITER_URL",
        ]),
        ("output_type: text, url: 'http://x', auth_token: secret", [
            "models.yaml:1:46 error[secret] auth_token must be a reference, env:NAME or file:PATH,"
            " never the key itself; or set SYGRA_WRITER_TOKEN",
        ]),
        ("output_type: text, url: ['http://x', 'http://y']", [
            "models.yaml:1:34 error[several-endpoints] a text node has one endpoint, so url must be one URL",
        ]),
        ("output_type: text, url: 'env:NOWHERE'", [
            "models.yaml:1:34 error[environment] the environment has no NOWHERE",
        ]),
    ],
)  # fmt: skip
def test_an_endpoint_is_never_guessed(tmp_path: Path, row: str, told: list[str]) -> None:
    folder = task_folder(tmp_path, GRAPH, models=f"writer: {{{row}}}\n")

    _, issues = load_task(folder, working_directory=folder, environment={})

    assert heads(issues, folder) == told
    assert "secret" not in "".join(issue.render() for issue in issues).replace("error[secret]", "")
