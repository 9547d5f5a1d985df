"""Methods, paths and ids around the calls themselves, as HTTP and the vendors' clients expect them."""

from collections.abc import Iterator

import httpx
import pytest

from gateway_log import Log
from imageway.gateway.app import create_app
from imageway.gateway.settings import sketch_only
from imageway.gateway.telemetry.logs import logger
from loopback import serving


@pytest.fixture(scope="module")
def gateway() -> Iterator[httpx.Client]:
    app = create_app(sketch_only(), log=logger(Log()))
    with serving(app, lifespan="on") as url, httpx.Client(base_url=url, timeout=30) as client:
        yield client


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/dall-e-3", "/healthz", "/readyz", "/metrics"])
def test_what_can_be_read_can_be_asked_for_by_its_head(gateway: httpx.Client, path: str) -> None:
    reply = gateway.head(path)

    assert (reply.status_code, reply.content) == (200, b"")
    assert int(reply.headers["content-length"]) > 0


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/images/generations", {"OPTIONS", "POST"}),
        ("HEAD", "/openai/deployments/d/images/edits", {"OPTIONS", "POST"}),
        ("POST", "/v1/models", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(
    gateway: httpx.Client, method: str, path: str, allowed: set[str]
) -> None:
    reply = gateway.request(method, path)

    assert reply.status_code == 405
    assert set(reply.headers["allow"].split(", ")) == allowed
    if method != "HEAD":
        error = reply.json()["error"]
        assert (error["type"], error["code"]) == ("invalid_request_error", "not_found")
        assert error["message"] == f"Not allowed: {method} on {path}; allowed is {reply.headers['allow']}."


def test_options_tell_the_methods_and_grant_no_other_site_anything(gateway: httpx.Client) -> None:
    reply = gateway.options("/v1/images/generations")

    assert (reply.status_code, set(reply.headers["allow"].split(", "))) == (204, {"OPTIONS", "POST"})
    assert not [name for name in reply.headers if name.startswith("access-control")]


def test_lists_and_refusals_carry_the_callers_request_id(gateway: httpx.Client) -> None:
    headers = {"x-request-id": "trace-1"}
    replies = [gateway.get(path, headers=headers) for path in ("/v1/models", "/models/dall-e-3", "/v1/models/none")]

    assert [(reply.status_code, reply.headers["x-request-id"]) for reply in replies] == [
        (200, "trace-1"),
        (200, "trace-1"),
        (404, "trace-1"),
    ]


@pytest.mark.parametrize(
    "path",
    [
        "/images/generations",
        "/openai/v1/images/generations",
        "/openai/images/generations",
        "/openai/deployments/gpt-image-1/images/generations",
        "/openai/deployments/gpt-image-1/images/generations?api-version=",
        "/openai/deployments/gpt-image-1/images/generations?api-version=2020-01-01",
    ],
)
def test_every_spelling_of_the_path_leads_to_the_same_call(gateway: httpx.Client, path: str) -> None:
    told = gateway.post(
        f"{path}{'&' if '?' in path else '?'}dry_run=true", json={"model": "gpt-image-1", "prompt": "x"}
    )

    assert (told.status_code, told.json()["would_send"]) == (200, True)
