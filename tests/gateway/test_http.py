"""The gateway over HTTP in front of a fake vendor: what goes out, what comes back, what is refused."""

import base64
import io
import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from fakes.two_targets import before, generate
from fakes.upstream import PNG, Reply, Upstream, drawn, failed
from gateway_log import Log


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def gateway(upstream: Upstream, log: io.StringIO, tmp_path: Path) -> Iterator[httpx.Client]:
    with before(upstream, log, tmp_path) as client:
        yield client


def test_a_generation_reaches_the_target_under_its_own_name_and_comes_back_whole(
    gateway: httpx.Client, upstream: Upstream
) -> None:
    usage = {
        "total_tokens": 3,
        "input_tokens": 1,
        "output_tokens": 2,
        "input_tokens_details": {"text_tokens": 1, "image_tokens": 0},
    }
    upstream.replies.append(drawn(PNG, usage=usage, size="1024x1024", quality="low", background=None))

    reply = generate(gateway, model="gpt-image-1", prompt="a red kite", n=1, quality="low", user=None)

    assert reply.status_code == 400
    assert reply.json()["error"]["param"] == "user"
    reply = generate(gateway, model="gpt-image-1", prompt="a red kite", n=1, quality="low", size=None)
    assert reply.status_code == 200
    assert reply.json() == {
        "created": 1_700_000_000,
        "data": [{"b64_json": base64.b64encode(PNG).decode()}],
        "quality": "low",
        "size": "1024x1024",
        "usage": usage,
    }
    assert reply.headers["imageway-target"] == "first/img-1"
    assert reply.headers["imageway-attempts"] == "1"
    [sent] = upstream.requests
    assert sent.path == "/v1/images/generations"
    assert sent.json == {"prompt": "a red kite", "model": "img-1", "n": 1, "quality": "low", "size": None}
    assert sent.headers["authorization"] == "Bearer sk-secret"
    assert sent.headers["user-agent"].startswith("imageway/")


def test_the_default_model_serves_callers_who_name_none(gateway: httpx.Client, upstream: Upstream) -> None:
    reply = generate(gateway, prompt="a red kite")

    assert reply.status_code == 200
    assert upstream.requests[0].json == {"prompt": "a red kite", "model": "img-1"}


def test_every_fault_is_told_at_once_and_nothing_is_sent(gateway: httpx.Client, upstream: Upstream) -> None:
    reply = generate(gateway, model="dall-e-2", prompt="x" * 1001, size="300x300", seed=4, n=2)

    error = reply.json()["error"]
    assert reply.status_code == 400
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", "seed", "unknown_parameter")
    assert error["imageway"]["code"] == "unsupported"
    assert error["imageway"]["request_id"] == reply.headers["x-request-id"]
    assert [(fault["param"], fault["code"]) for fault in error["imageway"]["violations"]] == [
        ("seed", "unknown_parameter"),
        ("prompt", "string_above_max_length"),
        ("size", "invalid_value"),
    ]
    assert error["imageway"]["violations"][1]["accepted_by"] == ["gpt-image-1", "dall-e-3"]
    assert error["imageway"]["violations"][2] == {
        "param": "size",
        "message": "Invalid size '300x300'. Supported sizes are: '256x256', '512x512', and '1024x1024'.",
        "code": "invalid_value",
        "type": "image_generation_user_error",
        "value": "300x300",
        "allowed": ["256x256", "512x512", "1024x1024"],
    }
    assert upstream.requests == []


def test_a_refusal_names_the_models_that_would_accept_the_request(gateway: httpx.Client) -> None:
    reply = generate(gateway, model="dall-e-2", prompt="a red kite", size="1536x1024")

    assert reply.json()["error"]["message"] == (
        "Invalid size '1536x1024'. Supported sizes are: '256x256', '512x512', and '1024x1024'."
        " Models here that accept this request: gpt-image-1."
    )
    assert reply.json()["error"]["imageway"]["accepted_by"] == ["gpt-image-1"]


def test_an_unknown_model_is_told_with_the_closest_one(gateway: httpx.Client, upstream: Upstream) -> None:
    reply = generate(gateway, model="gpt-image-11", prompt="a red kite")

    assert reply.status_code == 400
    assert reply.json()["error"]["message"] == (
        "The model 'gpt-image-11' does not exist. Did you mean 'gpt-image-1'?"
        " Models here: gpt-image-1, dall-e-2, dall-e-3."
    )
    assert reply.json()["error"]["code"] == "invalid_value"
    assert upstream.requests == []


def test_bodies_that_are_no_request_are_counted_and_logged(gateway: httpx.Client, log: io.StringIO) -> None:
    reply = gateway.post("/v1/images/generations", content=b"{")

    [line] = log.getvalue().splitlines()
    assert json.loads(line)["request_id"] == reply.headers["x-request-id"]
    page = gateway.get("/metrics").text
    assert (
        'imageway_requests_total{code="invalid_request",key="anyone",model="unknown",operation="generate"} 1.0' in page
    )


@pytest.mark.parametrize("retry_after", ["inf", "1e400", "-1", "nan", "100000"])
def test_absurd_waits_of_a_vendor_are_not_passed_on(
    gateway: httpx.Client, upstream: Upstream, retry_after: str
) -> None:
    upstream.replies.append(failed(429, "rate_limit_exceeded", retry_after=retry_after))

    reply = generate(gateway, model="dall-e-2", prompt="x")

    assert reply.status_code == 429
    assert "retry-after" not in reply.headers


def test_a_redirect_is_not_followed(gateway: httpx.Client, upstream: Upstream) -> None:
    upstream.replies.append(failed(307, None, location="http://127.0.0.1:9/elsewhere"))

    reply = generate(gateway, model="dall-e-2", prompt="x")

    assert reply.status_code == 502
    assert len(upstream.requests) == 1


def test_a_caller_who_hangs_up_has_the_call_cancelled(gateway: httpx.Client, upstream: Upstream, log: Log) -> None:
    upstream.replies.append(Reply(never=True))

    with pytest.raises(httpx.ReadTimeout):
        gateway.post("/v1/images/generations", json={"model": "dall-e-2", "prompt": "x"}, timeout=0.5)

    assert upstream.left.wait(timeout=20)
    assert log.finished.wait(timeout=20)
    assert [json.loads(line)["code"] for line in log.getvalue().splitlines()] == ["cancelled", "cancelled"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "The body is not valid JSON: Input data was truncated."),
        (b"[1]", "The body must be a JSON object, but it is an array."),
        (b"[" * 100_000, "The body is nested too deeply."),
        (b'{"model": 3}', "Invalid type for 'model': expected a string, but got an integer instead."),
        (b"\xff\xfe", "The body is not valid JSON"),
    ],
)
def test_bodies_that_are_no_request_are_refused(gateway: httpx.Client, body: bytes, message: str) -> None:
    reply = gateway.post("/v1/images/generations", content=body)

    assert reply.status_code == 400
    assert reply.json()["error"]["message"].startswith(message)


def test_a_body_over_the_limit_is_413(gateway: httpx.Client, upstream: Upstream) -> None:
    reply = generate(gateway, model="gpt-image-1", prompt="x" * 1_048_576)

    assert reply.status_code == 413
    assert reply.json()["error"]["message"] == "The body is larger than this gateway takes."
    assert upstream.requests == []


def test_content_that_the_vendor_refused_keeps_its_words(gateway: httpx.Client, upstream: Upstream) -> None:
    upstream.replies.append(
        failed(400, "moderation_blocked", "Your request was rejected.", "image_generation_user_error")
    )

    reply = generate(gateway, model="gpt-image-1", prompt="x")

    error = reply.json()["error"]
    assert reply.status_code == 400
    assert (error["code"], error["type"]) == ("moderation_blocked", "image_generation_user_error")
    assert error["message"] == "Your request was rejected."
    assert error["imageway"]["code"] == "content_rejected"
    assert len(upstream.requests) == 1


@pytest.mark.parametrize(
    "reply",
    [
        failed(429, "rate_limit_exceeded"),
        failed(429, "insufficient_quota"),
        failed(401, "invalid_api_key"),
        failed(503, "server_is_overloaded"),
        failed(404, "DeploymentNotFound"),
    ],
)
def test_the_next_target_serves_where_the_first_surely_drew_nothing(
    gateway: httpx.Client, upstream: Upstream, reply: Any
) -> None:
    upstream.replies.append(reply)

    answer = generate(gateway, model="gpt-image-1", prompt="x")

    assert answer.status_code == 200
    assert answer.headers["imageway-target"] == "second/img-2"
    assert answer.headers["imageway-attempts"] == "2"
    assert [request.path for request in upstream.requests] == [
        "/v1/images/generations",
        "/second/v1/images/generations",
    ]


@pytest.mark.parametrize("reply", [failed(500, None), failed(502, None), Reply(body={"created": 1, "data": []})])
def test_what_may_have_been_paid_for_is_not_bought_again(gateway: httpx.Client, upstream: Upstream, reply: Any) -> None:
    upstream.replies.append(reply)

    answer = generate(gateway, model="gpt-image-1", prompt="x")

    assert answer.status_code == 502
    assert answer.json()["error"]["imageway"]["may_have_billed"] is True
    assert answer.headers["x-should-retry"] == "false"
    assert len(upstream.requests) == 1


def test_a_throttled_last_target_tells_when_to_come_back(gateway: httpx.Client, upstream: Upstream) -> None:
    upstream.replies.append(failed(429, "rate_limit_exceeded", retry_after="7"))

    reply = generate(gateway, model="dall-e-2", prompt="x")

    assert reply.status_code == 429
    assert reply.headers["retry-after"] == "7"
    assert "x-should-retry" not in reply.headers


def test_the_gateways_own_credentials_are_never_the_callers_fault(gateway: httpx.Client, upstream: Upstream) -> None:
    upstream.replies.append(failed(401, "invalid_api_key", "Incorrect API key provided: sk-secret"))

    reply = generate(gateway, model="dall-e-2", prompt="x")

    assert reply.status_code == 502
    assert reply.json()["error"]["imageway"]["code"] == "upstream_auth"
    assert "sk-secret" not in reply.text


def test_models_are_listed_with_their_specs(gateway: httpx.Client) -> None:
    listing = gateway.get("/v1/models").json()
    card = gateway.get("/v1/models/dall-e-3").json()

    assert [entry["id"] for entry in listing["data"]] == ["gpt-image-1", "dall-e-2", "dall-e-3"]
    assert card == listing["data"][2]
    assert card["imageway"]["schema"] == 1
    assert card["imageway"]["spec"]["operations"]["generate"]["params"]["style"]["values"] == ["vivid", "natural"]
    assert card["imageway"]["spec"]["lifecycle"]["shutdown_date"] == "2026-05-12"


def test_a_model_that_is_not_there_is_404(gateway: httpx.Client) -> None:
    reply = gateway.get("/v1/models/dall-e-9")

    assert reply.status_code == 404
    assert reply.json()["error"]["code"] == "model_not_found"


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nowhere", 404), ("GET", "/v1/images/edits", 405)])
def test_other_paths_answer_in_the_same_envelope(gateway: httpx.Client, method: str, path: str, status: int) -> None:
    reply = gateway.request(method, path)

    assert reply.status_code == status
    assert reply.json()["error"]["imageway"]["code"] == "not_found"


def test_it_is_alive_and_ready(gateway: httpx.Client) -> None:
    assert gateway.get("/healthz").text == "ok\n"
    assert gateway.get("/readyz").text == "ready\n"


def test_requests_are_counted_by_configured_names_only(gateway: httpx.Client) -> None:
    generate(gateway, model="gpt-image-1", prompt="x")
    generate(gateway, model="dall-e-2", prompt="x", size="9x9")
    generate(gateway, model="a-callers-own-words", prompt="x")

    page = gateway.get("/metrics").text
    assert 'imageway_requests_total{code="ok",key="anyone",model="gpt-image-1",operation="generate"} 1.0' in page
    assert 'imageway_requests_total{code="unsupported",key="anyone",model="dall-e-2",operation="generate"} 1.0' in page
    assert 'imageway_requests_total{code="unknown_model",key="anyone",model="unknown",operation="generate"} 1.0' in page
    target = 'provider="first",upstream_model="img-1"'
    assert f'imageway_attempts_total{{code="ok",model="gpt-image-1",{target}}} 1.0' in page
    assert 'imageway_images_total{key="anyone",model="gpt-image-1",operation="generate"} 1.0' in page
    assert 'imageway_violations_total{fault="invalid_value",model="dall-e-2",param="size"} 1.0' in page
    assert "a-callers-own-words" not in page


def test_the_log_has_one_line_per_request_and_no_prompt(gateway: httpx.Client, log: io.StringIO) -> None:
    generate(gateway, model="gpt-image-1", prompt="top secret prompt")

    [line] = log.getvalue().splitlines()
    event = json.loads(line)
    for changing in ("timestamp", "seconds", "upstream_seconds", "own_seconds", "request_id"):
        event.pop(changing)
    assert event == {
        "event": "request.finished",
        "level": "info",
        "upstream_request_id": "up-1",
        "key": "anyone",
        "operation": "generate",
        "model": "gpt-image-1",
        "contract": "openai/gpt-image-1",
        "provider": "first",
        "upstream_model": "img-1",
        "code": "ok",
        "status": 200,
        "attempts": 1,
        "images": 1,
        "image_bytes": 70,
        "asked_images": 1,
        "prompt_chars": 17,
        "prompt_sha256": sha256(b"top secret prompt").hexdigest()[:16],
        "cost_usd": None,
    }


@pytest.mark.parametrize(("given", "kept"), [("my-id.1", True), ("bad id", False), ("x" * 129, False)])
def test_a_callers_request_id_is_kept_where_it_is_a_plain_word(gateway: httpx.Client, given: str, kept: bool) -> None:
    reply = gateway.post(
        "/v1/images/generations", json={"model": "gpt-image-1", "prompt": "x"}, headers={"x-request-id": given}
    )

    assert (reply.headers["x-request-id"] == given) is kept
