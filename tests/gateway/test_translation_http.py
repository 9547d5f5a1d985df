"""Old contracts on living models, over HTTP: what the vendor gets, what the caller gets, and what is told of it."""

import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from PIL import Image

from fakes.upstream import Upstream, drawn, failed
from gateway_log import Log
from imageway.gateway.app import create_app
from imageway.gateway.settings import SettingsError, load_settings
from imageway.gateway.telemetry.logs import logger
from loopback import serving
from pictures import picture

EXAMPLE = Path(__file__).parents[2] / "examples" / "gateway" / "after-shutdown.yaml"
USAGE = {"total_tokens": 3, "input_tokens": 1, "output_tokens": 2, "input_tokens_details": {"text_tokens": 1}}


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def url(upstream: Upstream, log: Log, tmp_path: Path) -> Iterator[str]:
    """The example as it is shipped, except for where the vendors are."""
    (tmp_path / "key").write_text("sk-secret\n")
    with serving(upstream) as vendor:
        text = EXAMPLE.read_text()
        text = text.replace('"env:OPENAI_API_KEY"', f'"file:{tmp_path}/key", base_url: "{vendor}/v1"')
        text = text.replace('"env:AZURE_OPENAI_API_KEY"', f'"file:{tmp_path}/key"')
        text = text.replace('"env:AZURE_OPENAI_ENDPOINT"', f'"{vendor}/azure"')
        (tmp_path / "gateway.yaml").write_text(text)
        app = create_app(load_settings(tmp_path / "gateway.yaml"), log=logger(log))
        with serving(app, lifespan="on") as url:
            yield url


@pytest.fixture
def client(url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="x", max_retries=0) as client:
        yield client


def test_a_small_dall_e_2_picture_is_drawn_larger_resized_and_linked(
    client: openai.OpenAI, upstream: Upstream, log: Log
) -> None:
    upstream.replies.append(drawn(picture(size=(816, 816), colour=(9, 8, 7, 255)), usage=USAGE, quality="medium"))

    raw = client.images.with_raw_response.generate(model="dall-e-2", prompt="a red fox", size="256x256", n=1)

    assert upstream.requests[0].json == {
        "model": "gpt-image-2.6-flare", "prompt": "a red fox", "n": 1, "size": "816x816", "quality": "medium"
    }  # fmt: skip
    assert raw.headers["imageway-translated"] == "size, quality, response-format"
    assert log.last()["translated"] == ["size", "quality", "response-format"]
    answer = raw.parse()
    assert answer.data is not None
    assert (answer.data[0].b64_json, answer.usage, answer.quality, answer.size) == (None, None, None, None)
    link = answer.data[0].url
    assert link is not None
    kept = httpx.get(link)
    assert (kept.status_code, kept.headers["content-type"]) == (200, "image/png")
    image = Image.open(io.BytesIO(kept.content))
    assert (image.size, image.getpixel((1, 1))) == ((256, 256), (9, 8, 7, 255))


def test_bytes_are_given_where_bytes_were_asked_for(client: openai.OpenAI, upstream: Upstream) -> None:
    content = picture(size=(1792, 1024))
    upstream.replies.append(drawn(content))

    answer = client.images.generate(
        model="dall-e-3",
        prompt="a red fox",
        size="1792x1024",
        quality="hd",
        style="natural",
        response_format="b64_json",
    )

    sent = upstream.requests[0].json
    assert (sent["model"], sent["size"], sent["quality"]) == ("gpt-image-2.6-sunburst", "1792x1024", "high")
    assert sent["prompt"].startswith("a red fox")
    assert len(sent["prompt"]) > len("a red fox")
    assert set(sent) == {"model", "prompt", "size", "quality"}
    assert answer.data is not None
    assert base64.b64decode(answer.data[0].b64_json or "") == content


def test_the_transparent_part_of_a_dall_e_2_edit_is_its_mask(client: openai.OpenAI, upstream: Upstream) -> None:
    content = picture(size=(512, 512))
    upstream.replies.append(drawn(picture(size=(1024, 1024))))

    answer = client.images.edit(
        model="dall-e-2", prompt="a hat", image=content, size="512x512", response_format="b64_json"
    )

    [sent] = upstream.requests
    assert [(name, content == data) for name, _, _, data in sent.files] == [("image", True), ("mask", True)]
    assert answer.data is not None
    drawn_at = Image.open(io.BytesIO(base64.b64decode(answer.data[0].b64_json or ""))).size
    assert drawn_at == (512, 512)


def test_azure_serves_where_openai_cannot(client: openai.OpenAI, upstream: Upstream) -> None:
    upstream.replies.extend((failed(429, "rate_limit_exceeded"), drawn()))

    raw = client.images.with_raw_response.generate(model="gpt-image-1", prompt="x", background="opaque")

    assert raw.headers["imageway-target"] == "azure/gpt-image-2"
    assert "imageway-translated" not in raw.headers
    assert upstream.requests[1].path == "/azure/openai/v1/images/generations"
    assert upstream.requests[1].json == {"model": "gpt-image-2", "prompt": "x", "background": "opaque"}


def test_a_request_without_a_model_goes_to_the_default(url: str, upstream: Upstream) -> None:
    reply = httpx.post(f"{url}/v1/images/generations", json={"prompt": "x", "response_format": "b64_json"})

    assert reply.status_code == 200
    assert upstream.requests[0].json["size"] == "1024x1024"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": "dall-e-2", "prompt": "x" * 1001}, "prompt"),
        ({"model": "dall-e-3", "prompt": "x", "n": 2}, "n"),
        ({"model": "dall-e-2", "prompt": "x", "size": "1536x1024"}, "size"),
    ],
)
def test_the_contract_counts_and_not_what_the_target_could_do(
    url: str, upstream: Upstream, fields: dict[str, Any], param: str
) -> None:
    reply = httpx.post(f"{url}/v1/images/generations", json=fields)

    assert (reply.status_code, reply.json()["error"]["param"]) == (400, param)
    assert upstream.requests == []


def test_a_variation_is_refused_because_nothing_can_stand_for_it(client: openai.OpenAI, upstream: Upstream) -> None:
    with pytest.warns(DeprecationWarning, match="deprecated"), pytest.raises(openai.BadRequestError) as caught:
        client.images.create_variation(model="dall-e-2", image=picture(size=(64, 64)))

    assert "A variation can't be translated" in caught.value.message
    assert upstream.requests == []


def test_a_picture_that_cannot_be_resized_is_a_failure_that_was_paid_for(url: str, upstream: Upstream) -> None:
    upstream.replies.append(drawn(b"no picture"))

    reply = httpx.post(f"{url}/v1/images/generations", json={"model": "dall-e-2", "prompt": "x", "size": "256x256"})

    assert reply.status_code == 502
    assert reply.headers["x-should-retry"] == "false"
    assert reply.json()["error"]["imageway"]["may_have_billed"] is True
    assert len(upstream.requests) == 1


def test_the_model_list_tells_the_rules(url: str) -> None:
    card = httpx.get(f"{url}/v1/models/dall-e-3").json()["imageway"]

    assert [notice["target"] for notice in card["translations"]] == [
        "openai/gpt-image-2.6-sunburst",
        "azure/gpt-image-2",
    ]
    assert list(card["translations"][0]["rules"]) == ["size", "quality", "style", "response-format", "null"]
    assert card["translations"][0]["rules"]["style"] == (
        "Style 'vivid' or 'natural' becomes a sentence at the end of the prompt."
    )
    assert card["spec"]["model"] == "dall-e-3"


PROVIDER = '{name: main, type: openai, api_key: "file:KEY", base_url: "http://127.0.0.1:9/v1"}'


@pytest.mark.parametrize(
    ("server", "target", "faults"),
    [
        ("{}", "translate: true", []),
        ("{host: 0.0.0.0, allow_unauthenticated: true}", "translate: true", ["no-media"]),
        ("{}", "translate: false", []),
    ],
)
def test_links_need_a_place_that_callers_can_reach(tmp_path: Path, server: str, target: str, faults: list[str]) -> None:
    (tmp_path / "key").write_text("sk-secret\n")
    (tmp_path / "gateway.yaml").write_text(
        f"server: {server}\nproviders: [{PROVIDER.replace('KEY', str(tmp_path / 'key'))}]\n"
        f"models: [{{name: dall-e-3, targets: [{{provider: main, model: gpt-image-2, {target}}}]}}]\n"
    )

    found: list[str] = []
    try:
        create_app(load_settings(tmp_path / "gateway.yaml"))
    except SettingsError as error:
        found = [issue.code for issue in error.issues]

    assert found == faults


def test_a_target_that_can_serve_nothing_of_a_contract_is_a_fault_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("sk-secret\n")
    (tmp_path / "gateway.yaml").write_text(
        f"providers: [{PROVIDER.replace('KEY', str(tmp_path / 'key'))}]\n"
        "models: [{name: square, contract: openai/dall-e-3,"
        " targets: [{provider: main, model: dall-e-2, spec: openai/dall-e-2, translate: true},"
        " {provider: main, model: odd, spec: odd/odd}]}]\n"
        "catalogue: [odd.yaml]\n"
    )
    (tmp_path / "odd.yaml").write_text(json.dumps({
        "odd/odd": {"extends": "openai/dall-e-3", "operations": {"generate": {"params": {
            "prompt": {"min_chars": 5000, "max_chars": 6000}}}}}
    }))  # fmt: skip

    with pytest.raises(SettingsError) as caught:
        create_app(load_settings(tmp_path / "gateway.yaml"))

    [issue] = caught.value.issues
    assert issue.code == "useless-target"
    assert issue.message.startswith("odd/odd can serve nothing of openai/dall-e-3. generate: ")
    assert issue.message.endswith("translate: true may help.")
