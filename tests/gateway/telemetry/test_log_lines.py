"""The request's line in the log: all that an operator looks for, and nothing of what was asked or drawn."""

import base64
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from fakes.busy_gateway import configured, one_round
from fakes.holding import HoldingUpstream
from fakes.upstream import PNG, Upstream, drawn, failed
from gateway_log import Log
from imageway.gateway.app import create_app
from imageway.gateway.settings import load_settings
from imageway.gateway.telemetry.logs import logger
from loopback import serving

TIMES = ("timestamp", "seconds", "upstream_seconds", "own_seconds", "first_picture_seconds", "wait_seconds")


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The log of a whole round of calls, and of an edit with a mask that comes at last."""
    upstream, log = Upstream(), Log()
    with serving(upstream) as vendor:
        settings = load_settings(configured(tmp_path_factory.mktemp("busy"), vendor))
        app = create_app(settings, log=logger(log))
        with serving(app, lifespan="on") as url, httpx.Client(base_url=url) as client:
            one_round(client, upstream, "1")
            upstream.replies.append(failed(401, "invalid_api_key", "no: a very secret prompt, sk-secret"))
            usage = {"total_tokens": 3, "input_tokens": 1, "output_tokens": 2, "input_tokens_details": {}}
            upstream.replies.append(drawn(usage=usage))
            reply = client.post(
                "/v1/images/edits",
                data={"model": "gpt-image-1", "prompt": "a very secret prompt", "quality": "low"},
                files={"image": ("kite.png", PNG), "mask": ("mask.png", PNG)},
                headers={"authorization": "Bearer team_a", "x-request-id": "last"},
            )
            assert reply.status_code == 200
    return log.getvalue()


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_line_has_everything_about_its_request(text: str) -> None:
    *_, failure, line = lines(text)

    for time in TIMES:
        line.pop(time, None)
    assert line == {
        "event": "request.finished",
        "level": "info",
        "request_id": "last",
        "upstream_request_id": "up-1",
        "key": "team-a",
        "operation": "edit",
        "model": "gpt-image-1",
        "contract": "openai/gpt-image-1",
        "provider": "spare",
        "upstream_model": "gpt-image-1",
        "code": "ok",
        "status": 200,
        "attempts": 2,
        "earlier_attempts": ["main/gpt-image-1 upstream_auth"],
        "images": 1,
        "image_bytes": 70,
        "asked_images": 1,
        "prompt_chars": 20,
        "prompt_sha256": "c452fa8d6540934f",
        "pictures_in": [
            {"role": role, "format": "png", "bytes": 70, "width_px": 1, "height_px": 1} for role in ("image", "mask")
        ],
        "cost_usd": 0.000085,
        "input_tokens": 1,
        "output_tokens": 2,
    }
    assert (failure["event"], failure["code"], failure["request_id"]) == ("attempt.failed", "upstream_auth", "last")


def test_every_request_has_one_line(text: str) -> None:
    ends = [line for line in lines(text) if line["event"] in ("request.finished", "request.replayed")]

    assert len({line["request_id"] for line in ends}) == len(ends) == 23
    assert [line["idempotency"] for line in ends if "idempotency" in line] == [
        "drawn",
        "replayed",
        "conflict",
        "failed",
        "unknown",
    ]
    assert [line["limit"] for line in ends if "limit" in line] == ["budget", "requests_per_minute"]
    assert [line["faults"] for line in ends if "faults" in line] == [["size: invalid_value"]]


def test_prompts_pictures_and_keys_are_not_in_the_log(text: str) -> None:
    for secret in ("kite", "very secret prompt", "sk-secret", "team_a", base64.b64encode(PNG).decode()[:20]):
        assert secret not in text


def test_calls_under_one_request_id_tell_of_their_own_attempts(tmp_path: Path) -> None:
    upstream, log = HoldingUpstream(), Log()
    (tmp_path / "key").write_text("sk-secret")
    with serving(upstream) as vendor, socket.socket() as nobody, ThreadPoolExecutor(1) as threads:
        nobody.bind(("127.0.0.1", 0))
        gone = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        (tmp_path / "gateway.yaml").write_text(f"""
providers:
  - {{name: gone, type: openai, base_url: "{gone}/v1", api_key: "file:{tmp_path}/key"}}
  - {{name: slow, type: openai, base_url: "{vendor}/v1", api_key: "file:{tmp_path}/key"}}
models:
  - name: gpt-image-2
    targets: [{{provider: gone, model: gpt-image-2}}, {{provider: slow, model: gpt-image-2}}]
""")
        app = create_app(load_settings(tmp_path / "gateway.yaml"), log=logger(log))
        with (
            serving(app, lifespan="on") as url,
            httpx.Client(base_url=f"{url}/v1/images", headers={"x-request-id": "same"}, timeout=30) as client,
        ):
            slow = threads.submit(client.post, "/generations", json={"model": "gpt-image-2", "prompt": "x"})
            upstream.arrived(1)
            client.post("/generations", json={"model": "gpt-image-2"})
            upstream.release()
            assert slow.result().status_code == 200

    ends = [line for line in lines(log.getvalue()) if line["event"] == "request.finished"]
    assert [(end["code"], end.get("earlier_attempts"), end["upstream_request_id"]) for end in ends] == [
        ("unsupported", None, None),
        ("ok", ["gone/gpt-image-2 upstream_unavailable"], "up-1"),
    ]
