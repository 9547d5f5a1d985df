"""The request's line in the log: all that an operator looks for, and nothing of what was asked or drawn."""

import base64
import json
from typing import Any

import httpx
import pytest

from fakes.busy_gateway import configured, one_round
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
