"""Calls that other gateways lose something of, each through this one: the official client, and a vendor who records."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from fakes.upstream import Reply, Upstream, drawn, failed, streamed
from gateway_log import Log
from imageway.gateway.app import create_app
from imageway.gateway.settings import load_settings
from imageway.gateway.telemetry.logs import logger
from loopback import serving
from pictures import picture

CONFIG = """
providers:
  - {{name: main, type: openai, base_url: "{url}/v1", api_key: "file:{key}"}}
models:
  - {{name: gpt-image-2, targets: [{{provider: main, model: gpt-image-2}}]}}
  - {{name: dall-e-2, targets: [{{provider: main, model: dall-e-2}}]}}
  - {{name: unchecked, contract: openai/gpt-image-2, validation: off, targets: [{{provider: main, model: new}}]}}
keys:
  - {{name: team, sha256: 5994471abb01112afcc18159f6cc74b4f511b99806da59b3caf5a9c173cacfc5}}
"""
KEY = "12345"  # whose hash stands above
PICTURE = picture(mode="RGB")
B64 = base64.b64encode(PICTURE).decode()
USAGE = {
    "total_tokens": 30,
    "input_tokens": 10,
    "output_tokens": 20,
    "input_tokens_details": {"text_tokens": 10, "image_tokens": 0},
}
FIELDS = {"usage": USAGE, "size": "1024x1024", "quality": "low", "background": "opaque", "output_format": "png"}


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()


@pytest.fixture
def url(upstream: Upstream, tmp_path: Path) -> Iterator[str]:
    (tmp_path / "key").write_text("sk-secret\n")
    with serving(upstream) as vendor:
        (tmp_path / "gateway.yaml").write_text(CONFIG.format(url=vendor, key=tmp_path / "key"))
        app = create_app(load_settings(tmp_path / "gateway.yaml"), log=logger(Log()))
        with serving(app, lifespan="on") as url:
            yield url


@pytest.fixture
def client(url: str) -> Iterator[openai.OpenAI]:
    """The official client as it comes, retries and all."""
    with openai.OpenAI(base_url=f"{url}/v1", api_key=KEY) as client:
        yield client


def refused(client: openai.OpenAI, **params: Any) -> openai.APIStatusError:
    with pytest.raises(openai.APIStatusError) as caught:
        client.images.generate(**{"model": "gpt-image-2", "prompt": "x", **params})
    return caught.value


def events(kind: str) -> Reply:
    told = {"created_at": 1, "size": "1024x1024", "quality": "low", "background": "opaque", "output_format": "png"}
    previews = [(f"{kind}.partial_image", {"b64_json": B64, "partial_image_index": i, **told}) for i in range(3)]
    return streamed(*previews, (f"{kind}.completed", {"b64_json": B64, "usage": USAGE, **told}))


def test_picture_and_fields_come_back_unchanged(client: openai.OpenAI, upstream: Upstream) -> None:
    upstream.replies.append(drawn(PICTURE, **FIELDS))

    answer = client.images.with_raw_response.generate(model="gpt-image-2", prompt="x")

    told = json.loads(answer.content)
    assert told["data"] == [{"b64_json": B64}]
    assert {name: told[name] for name in FIELDS} == FIELDS
    assert answer.parse().usage is not None


def test_sixteen_pictures_arrive_whole_and_in_order(client: openai.OpenAI, upstream: Upstream) -> None:
    pictures = [picture(size=(64, 64 + position)) for position in range(16)]

    client.images.edit(model="gpt-image-2", prompt="x", image=[(f"{i}.png", each) for i, each in enumerate(pictures)])

    (asked,) = upstream.requests
    assert [(name, content) for name, _, _, content in asked.files] == [("image[]", each) for each in pictures]


def test_mask_and_unknown_fields_arrive_where_the_model_takes_them(client: openai.OpenAI, upstream: Upstream) -> None:
    mask = picture()

    client.images.edit(model="unchecked", prompt="x", image=PICTURE, mask=mask, extra_body={"brand_new": "yes"})

    (asked,) = upstream.requests
    assert [(name, content) for name, _, _, content in asked.files] == [("image", PICTURE), ("mask", mask)]
    assert dict(asked.texts) == {"model": "new", "prompt": "x", "brand_new": "yes"}


def test_a_generation_streams(client: openai.OpenAI, upstream: Upstream) -> None:
    upstream.replies.append(events("image_generation"))

    stream = client.images.generate(model="gpt-image-2", prompt="x", stream=True, partial_images=3)

    assert [event.type for event in stream] == ["image_generation.partial_image"] * 3 + ["image_generation.completed"]
    assert upstream.requests[0].json["partial_images"] == 3


def test_an_edit_streams(client: openai.OpenAI, upstream: Upstream) -> None:
    upstream.replies.append(events("image_edit"))

    stream = client.images.edit(model="gpt-image-2", prompt="x", image=PICTURE, stream=True, partial_images=3)

    assert [event.type for event in stream] == ["image_edit.partial_image"] * 3 + ["image_edit.completed"]


def test_a_good_call_right_after_an_unsupported_one_is_fine(client: openai.OpenAI, upstream: Upstream) -> None:
    refused(client, model="dall-e-2", stream=True)
    upstream.replies.append(failed(400, "unknown_parameter", "Unknown parameter: 'brand_new'."))
    refused(client, model="unchecked", extra_body={"brand_new": 1})

    answers = [client.images.generate(model=model, prompt="x") for model in ("dall-e-2", "unchecked", "gpt-image-2")]

    assert [len(answer.data or []) for answer in answers] == [1, 1, 1]


def test_a_refusal_by_content_keeps_its_code_and_is_asked_once(client: openai.OpenAI, upstream: Upstream) -> None:
    upstream.replies.append(failed(400, "moderation_blocked", "rejected", "image_generation_user_error"))

    error = refused(client)

    assert (error.status_code, error.code, error.type) == (400, "moderation_blocked", "image_generation_user_error")
    assert len(upstream.requests) == 1


def test_a_rate_limit_keeps_its_code_and_its_wait(client: openai.OpenAI, upstream: Upstream) -> None:
    upstream.replies.append(failed(429, "rate_limit_exceeded", "slow down", "requests", retry_after="90"))

    error = refused(client.with_options(max_retries=0))

    assert (error.status_code, error.code, error.response.headers["retry-after"]) == (429, "rate_limit_exceeded", "90")
    assert len(upstream.requests) == 1


def test_a_500_is_asked_once_whatever_the_client_would_do(client: openai.OpenAI, upstream: Upstream) -> None:
    upstream.replies.append(failed(500, "server_error", "no", "server_error"))

    error = refused(client)

    assert (error.status_code, error.response.headers["x-should-retry"]) == (502, "false")
    assert len(upstream.requests) == 1


def test_a_wrong_key_is_401_and_asks_nobody(client: openai.OpenAI, upstream: Upstream) -> None:
    error = refused(client.with_options(api_key="wrong"))

    assert (error.status_code, upstream.requests) == (401, [])


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"size": "300x300", "model": "dall-e-2"}, "size"),
        ({"size": "1000x1000"}, "size"),
        ({"n": 11}, "n"),
        ({"n": 0}, "n"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": "x" * 1001, "model": "dall-e-2"}, "prompt"),
        ({"quality": "hd"}, "quality"),
        ({"response_format": "url"}, "response_format"),
        ({"output_format": "jpeg", "background": "transparent"}, "background"),
        ({"output_format": "png", "output_compression": 50}, "output_compression"),
        ({"extra_body": {"brand_new": 1}}, "brand_new"),
    ],
)
def test_impossible_calls_ask_nobody(
    client: openai.OpenAI, upstream: Upstream, params: dict[str, Any], param: str
) -> None:
    error = refused(client, **params)

    assert (error.status_code, error.param, upstream.requests) == (400, param, [])


def test_broken_json_is_the_callers_fault(url: str, upstream: Upstream) -> None:
    headers = {"authorization": f"Bearer {KEY}"}

    reply = httpx.post(f"{url}/v1/images/generations", content=b'{"model": "gpt-', headers=headers)

    assert (reply.status_code, upstream.requests) == (400, [])


def test_a_client_who_hangs_up_has_the_vendors_call_cancelled(client: openai.OpenAI, upstream: Upstream) -> None:
    upstream.replies.append(Reply(never=True))
    # Without a word on its patience, so that it is the hanging up that is seen.
    silent = client.with_options(timeout=0.7, max_retries=0)

    with pytest.raises(openai.APITimeoutError):
        silent.images.generate(model="gpt-image-2", prompt="x", extra_headers={"x-stainless-read-timeout": "600"})

    assert upstream.left.wait(timeout=20)


def test_metrics_are_there_without_asking(url: str) -> None:
    assert "imageway_requests_total" in httpx.get(f"{url}/metrics").text


@pytest.mark.parametrize(("asked", "missing"), [(3, "2"), (1, None)])
def test_fewer_pictures_than_asked_are_handed_out_and_told(
    url: str, client: openai.OpenAI, upstream: Upstream, asked: int, missing: str | None
) -> None:
    upstream.replies.append(drawn(PICTURE, **FIELDS))

    answer = client.images.with_raw_response.generate(model="gpt-image-2", prompt="x", n=asked)

    assert [image.b64_json for image in answer.parse().data or []] == [B64]
    assert answer.headers.get("imageway-missing-images") == missing
    assert (answer.headers["imageway-target"], answer.headers["imageway-attempts"]) == ("main/gpt-image-2", "1")
    assert int(answer.headers["openai-processing-ms"]) >= 0
    counted = 'imageway_short_answers_total{key="team",model="gpt-image-2",operation="generate"} 1.0'
    assert (counted in httpx.get(f"{url}/metrics").text) is (missing is not None)
