"""Vendor errors as callers of the gateway see them: the official client on one side, a fake vendor on the other."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import openai
import pytest

from fakes.upstream import Reply, Upstream, failed
from imageway.gateway.app import create_app
from imageway.gateway.settings import load_settings
from loopback import serving

SECRET = "sk-gateways-own-key"
CONFIG = """
providers:
  - {{name: first, type: openai, base_url: "{url}/v1", api_key: "file:{key}"}}
  - {{name: second, type: azure, endpoint: "{url}", api_key: "file:{key}", api_version: "2025-04-01-preview"}}
models:
  - name: gpt-image-1
    retries: 0
    breaker: {{failures: 200, longest_rest_s: 0.000001}}
    targets:
      - {{provider: first, model: img-1, spec: openai/gpt-image-1}}
      - {{provider: second, model: img-2, spec: azure/gpt-image-1}}
  - name: dall-e-2
    retries: 0
    breaker: {{failures: 200, longest_rest_s: 0.000001}}
    targets: [{{provider: first, model: dall-e-2}}]
"""
OPERATOR = "The upstream refused the gateway's credentials or quota; the gateway's operator must look into it."
NO_MODEL = "The upstream doesn't know the configured model; the gateway's operator must look into it."
THROTTLED = "The upstream's rate limit is reached; try again later."


class Told(NamedTuple):
    """What a caller is told; `elsewhere` says whether the next target is asked where there is one."""

    status: int
    type: str
    code: str
    message: str
    ours: str
    param: str | None = None
    should_retry: str | None = None
    retry_after: str | None = None
    billed: bool = False
    elsewhere: bool = False


USER = "image_generation_user_error"
VERDICT = {"code": "ResponsibleAIPolicyViolation", "content_filter_results": {"hate": {"filtered": True}}}
FILTERED = {
    "error": {
        "code": "content_policy_violation",
        "message": "filtered",
        "inner_error": {**VERDICT, "revised_prompt": "the prompt in other words"},
    }
}


def told_of(sent: dict[str, Any]) -> Reply:
    return Reply(status=400, body={"error": sent})


CASES: dict[str, tuple[Reply, Told]] = {
    "a refused parameter": (
        told_of({"message": "bad n", "type": "invalid_request_error", "param": "n", "code": "integer_above_max_value"}),
        Told(400, "invalid_request_error", "integer_above_max_value", "bad n", "invalid_request", param="n"),
    ),
    "a parameter without a code": (
        told_of({"message": "bad mask", "type": "invalid_request_error", "param": None, "code": None}),
        Told(400, "invalid_request_error", "invalid_request", "bad mask", "invalid_request"),
    ),
    "a refused content": (
        failed(400, "moderation_blocked", "rejected", USER),
        Told(400, USER, "moderation_blocked", "rejected", "content_rejected"),
    ),
    "a filtered content": (
        Reply(status=400, body=FILTERED),
        Told(400, "invalid_request_error", "content_policy_violation", "filtered", "content_rejected"),
    ),
    "a filter without a type": (
        Reply(status=400, body={"created": 1, "error": {"code": "contentFilter", "message": "filtered"}}),
        Told(400, "invalid_request_error", "contentFilter", "filtered", "content_rejected"),
    ),
    "an echo of the key": (
        told_of({"message": f"bad header {SECRET}", "type": "invalid_request_error"}),
        Told(400, "invalid_request_error", "invalid_request", "bad header (withheld)", "invalid_request"),
    ),
    "a rejected key": (
        failed(401, "invalid_api_key", f"Incorrect API key provided: {SECRET}"),
        Told(502, "server_error", "upstream_auth", OPERATOR, "upstream_auth", should_retry="false", elsewhere=True),
    ),
    "an empty account": (
        failed(429, "insufficient_quota", "pay us", "insufficient_quota", retry_after="9"),
        Told(502, "server_error", "upstream_auth", OPERATOR, "upstream_auth", should_retry="false", elsewhere=True),
    ),
    "a blocked resource": (
        failed(403, "Forbidden", "blocked"),
        Told(502, "server_error", "upstream_auth", OPERATOR, "upstream_auth", should_retry="false", elsewhere=True),
    ),
    "a rate limit": (
        failed(429, "rate_limit_exceeded", "org-1 is too fast", "requests", retry_after_ms="1500"),
        Told(429, "requests", "rate_limit_exceeded", THROTTLED, "rate_limited", retry_after="2", elsewhere=True),
    ),
    "a model that isn't there": (
        told_of({"message": "no model 'img-1'", "type": USER, "param": "model", "code": "invalid_value"}),
        Told(
            502,
            "server_error",
            "upstream_unavailable",
            NO_MODEL,
            "upstream_unavailable",
            should_retry="false",
            elsewhere=True,
        ),
    ),
    "a deployment that isn't there": (
        failed(404, "DeploymentNotFound", "no"),
        Told(
            502,
            "server_error",
            "upstream_unavailable",
            NO_MODEL,
            "upstream_unavailable",
            should_retry="false",
            elsewhere=True,
        ),
    ),
    "a path that isn't there": (
        Reply(status=404, body=b""),
        Told(
            502,
            "server_error",
            "upstream_unavailable",
            NO_MODEL,
            "upstream_unavailable",
            should_retry="false",
            elsewhere=True,
        ),
    ),
    "an overload": (
        failed(503, "server_is_overloaded", "busy", retry_after="4"),
        Told(
            503,
            "x",
            "server_is_overloaded",
            "The upstream failed with status 503.",
            "upstream_unavailable",
            retry_after="4",
            elsewhere=True,
        ),
    ),
    "a failure": (
        failed(500, None, "at host 10.0.0.1", "server_error"),
        Told(
            502,
            "server_error",
            "upstream_unavailable",
            "The upstream failed with status 500.",
            "upstream_unavailable",
            should_retry="false",
            billed=True,
        ),
    ),
    "a proxy's page": (
        Reply(status=504, body=b"<html>10.0.0.1</html>", headers={"content-type": "text/html"}),
        Told(
            504,
            "server_error",
            "upstream_timeout",
            "The upstream failed with status 504.",
            "upstream_timeout",
            should_retry="false",
            billed=True,
        ),
    ),
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Upstream, str]]:
    directory = tmp_path_factory.mktemp("gateway")
    (directory / "key").write_text(SECRET)
    upstream = Upstream()
    with serving(upstream) as url:
        config = directory / "gateway.yaml"
        config.write_text(CONFIG.format(url=url, key=directory / "key"))
        with serving(create_app(load_settings(config)), lifespan="on") as gateway_url:
            yield upstream, gateway_url


@pytest.fixture
def upstream(served: tuple[Upstream, str]) -> Upstream:
    served[0].requests.clear()
    served[0].replies.clear()
    return served[0]


@pytest.fixture
def caller(served: tuple[Upstream, str]) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{served[1]}/v1", api_key="callers-key", max_retries=0) as client:
        yield client


def refused(caller: openai.OpenAI, model: str = "dall-e-2") -> openai.APIStatusError:
    with pytest.raises(openai.APIStatusError) as caught:
        caller.images.generate(model=model, prompt="x")
    return caught.value


@pytest.mark.parametrize("case", CASES)
def test_a_caller_is_told_what_concerns_him_and_no_more(caller: openai.OpenAI, upstream: Upstream, case: str) -> None:
    reply, told = CASES[case]
    upstream.replies.append(Reply(status=reply.status, body=reply.body, headers={**reply.headers, "x-request-id": "v"}))

    error = refused(caller)

    body = error.response.json()["error"]
    assert told == Told(
        status=error.status_code,
        type=body["type"],
        code=body["code"],
        message=body["message"],
        ours=body["imageway"]["code"],
        param=body["param"],
        should_retry=error.response.headers.get("x-should-retry"),
        retry_after=error.response.headers.get("retry-after"),
        billed=body["imageway"].get("may_have_billed", False),
        elsewhere=told.elsewhere,
    )
    assert body["imageway"]["upstream_request_id"] == "v"
    for private in (SECRET, "10.0.0.1", "org-1", "in other words"):
        assert private not in error.response.text
    assert len(upstream.requests) == 1


@pytest.mark.parametrize("case", CASES)
def test_the_next_target_is_asked_where_this_one_is_at_fault_and_drew_nothing(
    caller: openai.OpenAI, upstream: Upstream, case: str
) -> None:
    reply, told = CASES[case]
    upstream.replies.append(reply)

    if told.elsewhere:
        answer = caller.images.with_raw_response.generate(model="gpt-image-1", prompt="x")
        assert answer.headers["imageway-target"] == "second/img-2"
    else:
        assert refused(caller, "gpt-image-1").status_code == told.status

    second = ["/openai/deployments/img-2/images/generations"] if told.elsewhere else []
    assert [request.path for request in upstream.requests] == ["/v1/images/generations", *second]


@pytest.mark.parametrize("case", [case for case, (_, told) in CASES.items() if told.should_retry == "false"])
def test_the_official_client_does_not_try_again_in_vain(caller: openai.OpenAI, upstream: Upstream, case: str) -> None:
    upstream.replies.append(CASES[case][0])

    refused(caller.with_options(max_retries=2))

    assert len(upstream.requests) == 1


def test_a_filters_verdict_reaches_the_caller(caller: openai.OpenAI, upstream: Upstream) -> None:
    upstream.replies.append(CASES["a filtered content"][0])

    error = refused(caller)

    assert error.response.json()["error"]["imageway"]["details"] == {"inner_error": VERDICT}
