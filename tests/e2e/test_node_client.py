"""The official Node client against the gateway: pictures, streams, error classes, and no call that is paid twice."""

import base64
import json
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from fakes.upstream import Reply, Upstream, drawn, failed, streamed
from gateway_log import Log
from imageway.gateway.app import create_app
from imageway.gateway.settings import load_settings
from imageway.gateway.telemetry.logs import logger
from loopback import serving
from node_client import require_node_client
from pictures import picture

CONFIG = """
providers: [{{name: main, type: openai, base_url: "{vendor}/v1", api_key: "file:{folder}/key"}}]
models: [{{name: gpt-image-1, targets: [{{provider: main, model: gpt-image-1}}]}}]
keys: [{{name: all, sha256: {key}}}]
"""
CALLS = Path(__file__).parents[1] / "node" / "calls.mjs"
PICTURE = base64.b64encode(picture()).decode()


@pytest.fixture(scope="module")
def came(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Upstream]:
    """What each call came to, by its name, and the upstream with what arrived there."""
    client, folder, upstream = require_node_client(), tmp_path_factory.mktemp("node"), Upstream()
    partial = ("image_generation.partial_image", {"b64_json": PICTURE, "partial_image_index": 0})
    upstream.replies += [
        drawn(),
        drawn(),
        streamed(partial, ("image_generation.completed", {"b64_json": PICTURE})),
        drawn(),
        failed(500, "server_error"),
        failed(400, "moderation_blocked"),
        drawn(),
        failed(429, "rate_limit_exceeded"),
        drawn(),
        Reply(never=True),
        Reply(never=True),
        streamed(partial, never=True),
    ]
    (folder / "key").write_text("sk-secret")
    (folder / "calls.mjs").symlink_to(CALLS)
    (folder / "node_modules").symlink_to(client / "node_modules")
    with serving(upstream) as vendor:
        config = folder / "gateway.yaml"
        config.write_text(CONFIG.format(vendor=vendor, folder=folder, key=sha256(b"imw_all").hexdigest()))
        with serving(create_app(load_settings(config), log=logger(Log())), lifespan="on") as url:
            command = ["node", "--preserve-symlinks", "--preserve-symlinks-main", "calls.mjs", url, PICTURE]
            ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    told = [json.loads(line) for line in ran.stdout.splitlines()]
    return {row["name"]: row["came"] for row in told}, upstream


def raised(class_: str, status: int, code: str, param: str | None = None) -> dict[str, Any]:
    return {"raised": class_, "status": status, "code": code, "param": param, "request_id": True}


def test_pictures_streams_and_models_come_as_the_client_expects_them(came: tuple[dict[str, Any], Upstream]) -> None:
    told, _ = came

    assert {name: told[name] for name in ("generate", "edit", "stream", "azure", "models", "retrieve")} == {
        "generate": 1,
        "edit": 1,
        "stream": ["image_generation.partial_image", "image_generation.completed"],
        "azure": 1,
        "models": ["gpt-image-1"],
        "retrieve": "gpt-image-1",
    }


def test_errors_are_of_the_clients_own_classes(came: tuple[dict[str, Any], Upstream]) -> None:
    told, _ = came

    assert told["retrieve nothing"] == raised("NotFoundError", 404, "model_not_found", "model")
    assert told["bad size"] == raised("BadRequestError", 400, "invalid_value", "size")
    assert told["wrong key"] == raised("AuthenticationError", 401, "invalid_api_key")
    assert told["vendor refuses the content"] == raised("BadRequestError", 400, "moderation_blocked")


def test_what_may_have_been_drawn_is_not_asked_for_again(came: tuple[dict[str, Any], Upstream]) -> None:
    told, upstream = came

    assert told["vendor fails after drawing"]["raised"] == "InternalServerError"
    assert told["impatient"] == raised("InternalServerError", 504, "upstream_timeout")
    assert len(upstream.requests) == 12
    assert [name for name, *_ in upstream.requests[1].files] == ["image[]", "image[]", "mask"]


def test_responses_and_its_own_second_try_are_as_the_client_knows_them(came: tuple[dict[str, Any], Upstream]) -> None:
    told, _ = came

    assert told["response"] == [1, "main/gpt-image-1", True]
    assert told["limited once"] == 1


def test_a_call_that_is_given_up_ends_at_the_vendor(came: tuple[dict[str, Any], Upstream]) -> None:
    told, upstream = came

    assert told["given up"]["raised"] == "APIUserAbortError"
    assert told["stream given up"] == "image_generation.partial_image"
    assert upstream.hung_up == 3
