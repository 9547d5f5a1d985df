"""Streams through the gateway: the official client, a fake vendor, and everything that can break in the middle."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from fakes.upstream import PNG, Reply, Upstream, drawn, failed, streamed
from gateway_log import Log
from imageway.gateway.app import create_app
from imageway.gateway.settings import load_settings
from imageway.gateway.telemetry.logs import logger
from loopback import serving
from pictures import picture

CONFIG = """
server: {{keep_alive_s: 0.05}}
providers:
  - {{name: first, type: openai, base_url: "{url}/v1", api_key: "file:{key}", timeout_s: 3}}
  - {{name: second, type: openai, base_url: "{url}/second/v1", api_key: "file:{key}"}}
models:
  - name: gpt-image-2
    targets: [{{provider: first, model: gpt-image-2}}, {{provider: second, model: gpt-image-2}}]
"""
B64 = base64.b64encode(PNG).decode()
USAGE = {"total_tokens": 3, "input_tokens": 1, "output_tokens": 2, "input_tokens_details": {"text_tokens": 1}}
TOLD = {"created_at": 1, "size": "1024x1024", "quality": "low", "background": "auto", "output_format": "png"}


def partial(index: int, kind: str = "generation") -> tuple[str, dict[str, Any]]:
    return f"image_{kind}.partial_image", {"b64_json": B64, "partial_image_index": index, **TOLD}


def completed(kind: str = "generation") -> tuple[str, dict[str, Any]]:
    return f"image_{kind}.completed", {"b64_json": B64, "usage": USAGE, **TOLD}


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def url(upstream: Upstream, log: Log, tmp_path: Path) -> Iterator[str]:
    (tmp_path / "key").write_text("sk-secret\n")
    with serving(upstream) as vendor:
        config = tmp_path / "gateway.yaml"
        config.write_text(CONFIG.format(url=vendor, key=tmp_path / "key"))
        with serving(create_app(load_settings(config), log=logger(log)), lifespan="on") as url:
            yield url


@pytest.fixture
def client(url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="x", max_retries=0) as client:
        yield client


def events(client: openai.OpenAI, **fields: Any) -> list[Any]:
    return list(client.images.generate(model="gpt-image-2", prompt="x", stream=True, **fields))


def test_previews_come_in_order_and_then_one_picture(client: openai.OpenAI, upstream: Upstream, log: Log) -> None:
    upstream.replies.append(streamed(partial(0), partial(1), completed()))

    seen = events(client, partial_images=2)

    assert [(event.type, getattr(event, "partial_image_index", None)) for event in seen] == [
        ("image_generation.partial_image", 0),
        ("image_generation.partial_image", 1),
        ("image_generation.completed", None),
    ]
    assert [event.b64_json for event in seen] == [B64] * 3
    assert (seen[2].usage.total_tokens, seen[0].size, seen[0].background) == (3, "1024x1024", "auto")
    assert upstream.requests[0].json == {
        "model": "gpt-image-2", "prompt": "x", "stream": True, "partial_images": 2
    }  # fmt: skip
    assert log.last()["images"] == 1
    assert (log.last()["code"], log.last()["attempts"]) == ("ok", 1)


def test_an_edit_streams_under_its_own_event_names(client: openai.OpenAI, upstream: Upstream) -> None:
    upstream.replies.append(streamed(partial(0, "edit"), completed("edit")))

    seen = list(client.images.edit(model="gpt-image-2", prompt="x", image=picture(size=(64, 64)), stream=True))

    assert [event.type for event in seen] == ["image_edit.partial_image", "image_edit.completed"]
    assert ("stream", "true") in upstream.requests[0].texts


def test_the_head_tells_who_draws(url: str, upstream: Upstream) -> None:
    upstream.replies.append(streamed(completed()))

    reply = httpx.post(f"{url}/v1/images/generations", json={"model": "gpt-image-2", "prompt": "x", "stream": True})

    assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert reply.headers["imageway-target"] == "first/gpt-image-2"
    assert reply.headers["x-request-id"].startswith("req_")
    assert reply.text.endswith("}\n\n")


def test_a_refusal_before_the_stream_is_an_ordinary_error(client: openai.OpenAI, upstream: Upstream) -> None:
    upstream.replies.append(failed(400, "moderation_blocked", "no"))

    with pytest.raises(openai.BadRequestError) as caught:
        events(client)

    assert caught.value.code == "moderation_blocked"
    assert len(upstream.requests) == 1


def test_what_a_model_cannot_do_is_refused_before_anything_is_sent(client: openai.OpenAI, upstream: Upstream) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        events(client, partial_images=4)

    assert caught.value.param == "partial_images"
    assert upstream.requests == []


def test_another_target_serves_where_the_first_takes_nothing_on(client: openai.OpenAI, upstream: Upstream) -> None:
    upstream.replies.extend((failed(429, "rate_limit_exceeded"), streamed(completed())))

    assert [event.type for event in events(client)] == ["image_generation.completed"]
    assert [request.path for request in upstream.requests] == [
        "/v1/images/generations",
        "/second/v1/images/generations",
    ]


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (
            streamed(
                partial(0),
                ("error", {"error": {"type": "image_generation_server_error", "code": "image_generation_failed",
                                     "message": "Image generation failed", "param": None}}),
            ),
            "image_generation_failed",
        ),
        (streamed(partial(0)), "upstream_unavailable"),
        (streamed(partial(0), breaks=True), "upstream_unavailable"),
        (streamed(partial(0), never=True), "upstream_timeout"),
    ],
    ids=["error event", "no picture", "reset", "silence"],
)  # fmt: skip
def test_what_breaks_later_is_an_error_event_and_asked_nowhere_else(
    client: openai.OpenAI, upstream: Upstream, log: Log, reply: Reply, code: str
) -> None:
    upstream.replies.append(reply)
    stream = client.images.generate(model="gpt-image-2", prompt="x", stream=True, partial_images=1)

    assert next(stream).type == "image_generation.partial_image"
    with pytest.raises(openai.APIError) as caught:
        next(stream)

    assert caught.value.code == code
    assert len(upstream.requests) == 1
    assert log.last()["code"] in ("upstream_unavailable", "upstream_timeout")


def test_a_picture_that_came_whole_counts_although_the_connection_broke(
    client: openai.OpenAI, upstream: Upstream
) -> None:
    upstream.replies.append(streamed(completed(), breaks=True))

    assert [event.type for event in events(client)] == ["image_generation.completed"]


def test_a_server_that_does_not_stream_is_heard_all_the_same(client: openai.OpenAI, upstream: Upstream) -> None:
    upstream.replies.append(drawn(usage=USAGE))

    assert [event.type for event in events(client)] == ["image_generation.completed"]


def test_comments_keep_a_silent_stream_open(url: str, upstream: Upstream) -> None:
    upstream.replies.append(streamed(partial(0), never=True))

    reply = httpx.post(f"{url}/v1/images/generations", json={"model": "gpt-image-2", "prompt": "x", "stream": True})

    assert ": keep-alive\n\n" in reply.text
    assert reply.text.count("event: error\n") == 1


def test_a_caller_who_hangs_up_stops_the_vendor(url: str, upstream: Upstream, log: Log) -> None:
    upstream.replies.append(streamed(partial(0), never=True))
    asked = {"model": "gpt-image-2", "prompt": "x", "stream": True}

    with httpx.stream("POST", f"{url}/v1/images/generations", json=asked) as reply:
        assert next(reply.iter_bytes()).startswith(b"event: image_generation.partial_image\n")

    assert upstream.left.wait(timeout=10)
    assert log.finished.wait(timeout=10)


def test_metrics_count_a_streamed_picture(client: openai.OpenAI, url: str, upstream: Upstream) -> None:
    upstream.replies.append(streamed(partial(0), completed()))

    events(client)

    page = httpx.get(f"{url}/metrics").text
    assert 'imageway_images_total{key="anyone",model="gpt-image-2",operation="generate"} 1.0' in page
