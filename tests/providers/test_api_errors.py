"""Every recorded error of the vendors, and every way in which a connection ends, through the real `openai` library."""

import asyncio
import itertools
import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import openai
import pytest

from fakes.raw_server import hanging_up
from fakes.upstream import Reply, Upstream, failed
from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.request import ImageRequest, Operation
from imageway.providers._api_errors import status_error
from imageway.providers._images_api import ImagesApiProvider
from imageway.providers._vendor_client import client_options
from loopback import serving

ROWS = json.loads((Path(__file__).parents[1] / "cases" / "capabilities.json").read_text())["errors"]
GENERATE = ImageRequest(operation=Operation.GENERATE, model="m", params={"prompt": "a kite"})
KEY = "sk-very-secret"
WAIT = {"retry-after": "7", "x-request-id": "up-9"}

Ending = tuple[ErrorCode, bool, float | None]
REFUSED: Ending = (ErrorCode.INVALID_REQUEST, False, None)
BLOCKED: Ending = (ErrorCode.CONTENT_REJECTED, False, None)
LOCKED_OUT: Ending = (ErrorCode.UPSTREAM_AUTH, False, None)
THROTTLED: Ending = (ErrorCode.RATE_LIMITED, False, 7.0)
ELSEWHERE: Ending = (ErrorCode.UPSTREAM_UNAVAILABLE, False, 7.0)
PERHAPS_DRAWN: Ending = (ErrorCode.UPSTREAM_UNAVAILABLE, True, 7.0)
BROKEN_STREAM: Ending = (ErrorCode.UPSTREAM_UNAVAILABLE, True, None)

# Faults of the parameter "model" are the target's: callers name models of the gateway, never those of the upstream.
ENDINGS: dict[str, Ending] = {
    "openai-400-missing_required_parameter-n": REFUSED,
    "openai-400-invalid_type-n": REFUSED,
    "openai-400-integer_below_min_value-n": REFUSED,
    "openai-400-integer_above_max_value-n": REFUSED,
    "openai-400-invalid_value-quality": REFUSED,
    "openai-400-invalid_value-size": REFUSED,
    "openai-400-empty_string-prompt": REFUSED,
    "openai-400-string_above_max_length-prompt": REFUSED,
    "openai-400-unknown_parameter-n": REFUSED,
    "openai-400-empty_array-images": REFUSED,
    "openai-400-invalid_value-image": REFUSED,
    "openai-400-invalid_value-images": REFUSED,
    "openai-400-invalid_value-model": ELSEWHERE,
    "openai-400-invalid_png_output_compression": REFUSED,
    "openai-400-invalid_value-background": REFUSED,
    "openai-400-invalid_input_fidelity_model": REFUSED,
    "openai-400-unsupported_file_mimetype-image": REFUSED,
    "openai-400-invalid_image_file": REFUSED,
    "openai-400-invalid_image_format": REFUSED,
    "openai-400": REFUSED,
    "openai-400-2": REFUSED,
    "openai-400-3": REFUSED,
    "openai-400-4": REFUSED,
    "openai-400-invalid_value-model-2": ELSEWHERE,
    "openai-400-moderation_blocked": BLOCKED,
    "openai-400-content_policy_violation": BLOCKED,
    "openai-401-invalid_api_key": LOCKED_OUT,
    "openai-403-unsupported_country_region_territory": LOCKED_OUT,
    "openai-404": ELSEWHERE,
    "openai-429-rate_limit_exceeded": THROTTLED,
    "openai-429-slow_down": THROTTLED,
    "openai-429-insufficient_quota | credit_balance_exhausted": LOCKED_OUT,
    "openai-500": PERHAPS_DRAWN,
    "openai-503-server_is_overloaded": ELSEWHERE,
    "openai-200 then in-stream-image_generation_failed": BROKEN_STREAM,
    "azure_openai-400-contentFilter": BLOCKED,
    "azure_openai-400-content_policy_violation": BLOCKED,
    "azure_openai-400-invalidPayload": REFUSED,
    "azure_openai-404-DeploymentNotFound": ELSEWHERE,
    "azure_openai-401-401": LOCKED_OUT,
    "azure_openai-403-Forbidden": LOCKED_OUT,
    "azure_openai-429-429": THROTTLED,
}


CODES_TOLD = ("rate_limit_exceeded", "slow_down", "server_is_overloaded", "image_generation_failed")
"""Of faults whose sentence is withheld: clients branch on them."""


def param_of(row: dict[str, Any]) -> str | None:
    """A name where the row has a placeholder for one."""
    return {"<field>": "n", "<enum field>": "quality"}.get(row.get("param") or "", row.get("param"))


def rows_by_id() -> dict[str, dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    for row in ROWS:
        words = (row.get("provider", "openai"), row["status"], row["code"], param_of(row))
        name = "-".join(str(word) for word in words if word is not None)
        numbered = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
        rows[next(candidate for candidate in numbered if candidate not in rows)] = row
    return rows


def errors_of(row: dict[str, Any]) -> list[dict[str, Any]]:
    """The row's error object, once for each type, code and text that it lists."""
    types = (row.get("type") or "").split("|")
    codes = (row["code"] or "").split(" | ")
    words = [row.get("message", "no"), *(row[key] for key in ("variant_message",) if key in row)]
    return [
        {"message": text, "type": type_ or None, "param": param_of(row), "code": code or None, **row.get("extra", {})}
        for type_ in types
        for code in codes
        for text in words
    ]


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Upstream, str]]:
    upstream = Upstream()
    with serving(upstream) as url:
        yield upstream, url


@pytest.fixture
def upstream(served: tuple[Upstream, str]) -> Upstream:
    served[0].requests.clear()
    served[0].replies.clear()
    return served[0]


@pytest.fixture
def url(served: tuple[Upstream, str]) -> str:
    return served[1]


def client_of(url: str, *, connect_s: float = 5.0, read_s: float = 5.0) -> openai.AsyncOpenAI:
    options = client_options(read_s, connect_timeout_s=connect_s)
    return openai.AsyncOpenAI(api_key=KEY, base_url=f"{url}/v1", **options)


def failure(client: openai.AsyncOpenAI) -> ImageError:
    async def once() -> None:
        provider = ImagesApiProvider(client)
        try:
            await provider.create("up", GENERATE)
        finally:
            await provider.aclose()

    with pytest.raises(ImageError) as caught:
        asyncio.run(once())
    return caught.value


def stream_failure(client: openai.AsyncOpenAI) -> ImageError:
    async def once() -> None:
        provider = ImagesApiProvider(client)
        try:
            async with provider.stream("up", GENERATE) as events:
                async for _ in events:
                    pass
        finally:
            await provider.aclose()

    with pytest.raises(ImageError) as caught:
        asyncio.run(once())
    return caught.value


def ending(error: ImageError) -> Ending:
    return error.code, error.may_have_billed, error.retry_after_s


def shown(error: ImageError) -> tuple[str, str | None, str | None, str | None]:
    return error.message, error.upstream_type, error.param, error.upstream_code


def test_every_recorded_error_has_an_ending_here() -> None:
    assert list(rows_by_id()) == list(ENDINGS)
    assert len(ENDINGS) == 42


@pytest.mark.parametrize("row_id", ENDINGS)
def test_a_recorded_error_ends_as_it_must(upstream: Upstream, url: str, row_id: str) -> None:
    row = rows_by_id()[row_id]
    for sent in errors_of(row):
        upstream.requests.clear()
        if "sse" in row:
            event = f"event: error\ndata: {json.dumps({'type': 'error', 'error': sent})}\n\n"
            stream_headers = {**WAIT, "content-type": "text/event-stream"}
            upstream.replies.append(Reply(body=event.encode(), headers=stream_headers))
            error = stream_failure(client_of(url))
        else:
            empty = "(empty body)" in row.get("message", "")
            upstream.replies.append(
                Reply(status=row["status"], body=b"" if empty else {"created": 1, "error": sent}, headers=WAIT)
            )
            error = failure(client_of(url))
            assert error.upstream_request_id == "up-9"

        assert ending(error) == ENDINGS[row_id]
        assert len(upstream.requests) == 1
        if error.code in (ErrorCode.INVALID_REQUEST, ErrorCode.CONTENT_REJECTED):
            assert shown(error) == (sent["message"], sent["type"], sent["param"], sent["code"])
        else:
            told = (sent["type"], None, sent["code"]) if sent.get("code") in CODES_TOLD else (None, None, None)
            assert shown(error)[1:] == told
            assert error.message != sent["message"]
        assert error.details == row.get("extra")


NO_REASON = "The upstream refused the request with status {} and gave no reason."
OPERATOR = "The upstream refused the gateway's credentials or quota; the gateway's operator must look into it."
NO_MODEL = "The upstream doesn't know the configured model; the gateway's operator must look into it."


@pytest.mark.parametrize(
    ("reply", "expected", "message"),
    [
        (Reply(status=400, body=b"<html>proxy 10.0.0.1</html>"), REFUSED, NO_REASON.format(400)),
        (Reply(status=413, body=b"too big"), (ErrorCode.PAYLOAD_TOO_LARGE, False, None), NO_REASON.format(413)),
        (Reply(status=422, body={"detail": [{"loc": ["body", "n"], "msg": "too many"}]}), REFUSED, "n: too many"),
        (Reply(status=415, body={"error": "no such type"}), REFUSED, "no such type"),
        (Reply(status=400, body={"message": "odd size"}), REFUSED, "odd size"),
        (failed(400, "c", f"bad key {KEY}!"), REFUSED, "bad key (withheld)!"),
        (failed(400, "billing_hard_limit_reached"), LOCKED_OUT, OPERATOR),
        (failed(400, "invalid_api_key", KEY), LOCKED_OUT, OPERATOR),
        (failed(429, None, type_="insufficient_quota"), LOCKED_OUT, OPERATOR),
        (
            failed(429, "rate_limit_exceeded", type_="insufficient_quota"),
            (ErrorCode.RATE_LIMITED, False, None),
            "The upstream's rate limit is reached; try again later.",
        ),
        (failed(402, None), LOCKED_OUT, OPERATOR),
        (failed(407, None), LOCKED_OUT, OPERATOR),
        (failed(451, None), LOCKED_OUT, OPERATOR),
        (failed(404, "model_not_found"), (ErrorCode.UPSTREAM_UNAVAILABLE, False, None), NO_MODEL),
        (failed(405, None), (ErrorCode.UPSTREAM_UNAVAILABLE, False, None), "The upstream failed with status 405."),
        (failed(409, None), (ErrorCode.UPSTREAM_UNAVAILABLE, True, None), "The upstream failed with status 409."),
        (failed(408, None), (ErrorCode.UPSTREAM_TIMEOUT, True, None), "The upstream failed with status 408."),
        (failed(504, None), (ErrorCode.UPSTREAM_TIMEOUT, True, None), "The upstream failed with status 504."),
        (
            Reply(status=502, body=b"<html>", headers={"content-type": "text/html"}),
            (ErrorCode.UPSTREAM_UNAVAILABLE, True, None),
            "The upstream failed with status 502.",
        ),
        (
            failed(503, "slow_down", retry_after="2"),
            (ErrorCode.UPSTREAM_UNAVAILABLE, False, 2.0),
            "The upstream failed with status 503.",
        ),
        (failed(500, "moderation_blocked", "not that"), BLOCKED, "not that"),
        (
            failed(500, "image_generation_failed"),
            (ErrorCode.UPSTREAM_UNAVAILABLE, True, None),
            "The upstream failed with status 500.",
        ),
        (
            failed(307, None, location="http://127.0.0.1:9/elsewhere"),
            (ErrorCode.UPSTREAM_UNAVAILABLE, False, None),
            "The upstream sent the call elsewhere with status 307; the gateway follows no redirects.",
        ),
    ],
)
def test_other_errors_end_by_code_and_status(
    upstream: Upstream, url: str, reply: Reply, expected: Ending, message: str
) -> None:
    upstream.replies.append(reply)

    error = failure(client_of(url))

    assert (ending(error), error.message) == (expected, message)
    assert len(upstream.requests) == 1


def test_a_filters_verdict_inside_an_azure_error_decides_and_is_kept(upstream: Upstream, url: str) -> None:
    verdict = {"code": "ResponsibleAIPolicyViolation", "content_filter_results": {"hate": {"filtered": True}}}
    inner = {**verdict, "revised_prompt": "a kite, in oil"}
    upstream.replies.append(Reply(status=400, body={"error": {"code": None, "message": "no", "inner_error": inner}}))

    error = failure(client_of(url))

    assert ending(error) == BLOCKED
    assert error.details == {"inner_error": verdict}


def test_the_date_of_a_next_attempt_is_read_by_the_given_clock() -> None:
    headers = {"retry-after": "Wed, 21 Oct 2015 07:28:30 GMT"}

    assert status_error(429, headers, b"", clock_s=lambda: 1_445_412_480.0).retry_after_s == 30.0


@pytest.mark.parametrize(
    ("answer", "reset"),
    [
        (b"", False),
        (b"HTTP/1.1 200 OK\r\ncontent-len", True),
        (b'HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{"created": 1', False),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{", False),
        (b"HTTP/1.1 500 No\r\ncontent-length: 500\r\n\r\n{", False),
        (b"SSH-2.0-x\r\n", False),
    ],
    ids=["nothing", "a reset", "cut short", "cut chunk", "cut error", "another protocol"],
)
def test_a_connection_that_breaks_after_sending_may_have_cost_money(answer: bytes, reset: bool) -> None:
    with hanging_up(answer, reset=reset) as url:
        error = failure(client_of(url))

    assert ending(error) == (ErrorCode.UPSTREAM_UNAVAILABLE, True, None)
    assert error.message == "The connection broke after the request was sent."


def test_a_refused_connection_has_cost_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    error = failure(client_of(f"http://127.0.0.1:{port}"))

    assert ending(error) == (ErrorCode.UPSTREAM_UNAVAILABLE, False, None)
    assert error.message == "The upstream can't be reached."


@contextmanager
def full_queue() -> Iterator[str]:
    """The base URL of a server that accepts nobody, with others waiting: whoever comes now isn't even let in."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_a_connection_that_never_came_about_has_cost_nothing() -> None:
    with full_queue() as url:
        error = failure(client_of(url, connect_s=0.2))

    assert ending(error) == (ErrorCode.UPSTREAM_UNAVAILABLE, False, None)


def test_silence_after_sending_may_have_cost_money() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        error = failure(client_of(f"http://127.0.0.1:{silent.getsockname()[1]}", read_s=0.2))

    assert ending(error) == (ErrorCode.UPSTREAM_TIMEOUT, True, None)
    assert error.message == "The upstream did not answer in time."
