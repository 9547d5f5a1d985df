"""`validation` of a model over HTTP: what strict refuses, tolerant forgives, and off passes on."""

import io
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec import Struct

from fakes.upstream import Upstream, failed
from imageway.contract.request import ImageRequest, Operation
from imageway.contract.result import GeneratedImage, ImageResult
from imageway.gateway.app import create_app
from imageway.gateway.settings import ModelSettings, ProviderSettings, Settings, TargetSettings, load_settings
from imageway.gateway.telemetry.logs import logger
from imageway.providers.protocol import ProviderPlugin
from loopback import serving
from pictures import picture

CONFIG = """
providers:
  - {{name: main, type: openai, base_url: "{url}/v1", api_key: "file:{key}"}}
  - {{name: spare, type: openai, base_url: "{url}/spare/v1", api_key: "file:{key}"}}
models:
  - {{name: strict, contract: openai/gpt-image-2, targets: [{{provider: main, model: gpt-image-2}}]}}
  - {{name: tolerant, validation: tolerant, contract: openai/gpt-image-2,
      targets: [{{provider: main, model: gpt-image-2}}]}}
  - name: "off"
    validation: off
    contract: openai/gpt-image-2
    targets: [{{provider: main, model: gpt-image-2}}, {{provider: spare, model: gpt-image-2}}]
"""


class NoConfig(Struct, frozen=True, kw_only=True):
    pass


class Recorder:
    """A provider that remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[ImageRequest] = []

    async def create(self, upstream_model: str, request: ImageRequest) -> ImageResult:
        self.asked.append(request)
        return ImageResult(created=1, images=(GeneratedImage.from_bytes(b"x"),))

    async def aclose(self) -> None:
        return


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()


@pytest.fixture
def log() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def gateway(upstream: Upstream, log: io.StringIO, tmp_path: Path) -> Iterator[httpx.Client]:
    (tmp_path / "key").write_text("sk-secret\n")
    with serving(upstream) as url:
        config = tmp_path / "gateway.yaml"
        config.write_text(CONFIG.format(url=url, key=tmp_path / "key"))
        app = create_app(load_settings(config), log=logger(log), today=lambda: date(2026, 1, 1))
        with serving(app, lifespan="on") as gateway_url, httpx.Client(base_url=gateway_url) as client:
            yield client


def generate(gateway: httpx.Client, **fields: Any) -> httpx.Response:
    return gateway.post("/v1/images/generations", json={"prompt": "a red kite", **fields})


def finished(log: io.StringIO) -> list[dict[str, Any]]:
    events = [json.loads(line) for line in log.getvalue().splitlines()]
    return [event for event in events if event["event"] == "request.finished"]


def test_strict_refuses_what_the_vendor_refuses(gateway: httpx.Client, upstream: Upstream, log: io.StringIO) -> None:
    reply = generate(gateway, model="strict", response_format="b64_json")

    assert reply.status_code == 400
    assert (reply.json()["error"]["param"], reply.json()["error"]["code"]) == ("response_format", "unknown_parameter")
    assert upstream.requests == []
    assert [event.get("translated", []) for event in finished(log)] == [[]]


@pytest.mark.parametrize("value", ["b64_json", None])
def test_tolerant_drops_what_changes_nothing_and_says_so(
    gateway: httpx.Client, upstream: Upstream, log: io.StringIO, value: str | None
) -> None:
    reply = generate(gateway, model="tolerant", response_format=value, n=1)

    assert reply.status_code == 200
    assert reply.headers["imageway-translated"] == "drop-response-format"
    assert upstream.requests[0].json == {"model": "gpt-image-2", "prompt": "a red kite", "n": 1}
    assert [event.get("translated", []) for event in finished(log)] == [["drop-response-format"]]


def test_tolerant_drops_it_from_forms_too(gateway: httpx.Client, upstream: Upstream) -> None:
    reply = gateway.post(
        "/v1/images/edits",
        data={"model": "tolerant", "prompt": "a hat", "response_format": "b64_json"},
        files={"image": ("a.png", picture())},
    )

    assert reply.headers["imageway-translated"] == "drop-response-format"
    assert sorted(upstream.requests[0].texts) == [("model", "gpt-image-2"), ("prompt", "a hat")]


def test_tolerant_says_nothing_where_nothing_was_dropped(gateway: httpx.Client) -> None:
    assert "imageway-translated" not in generate(gateway, model="tolerant").headers


def test_tolerant_refuses_all_the_rest(gateway: httpx.Client, upstream: Upstream) -> None:
    links = generate(gateway, model="tolerant", response_format="url")
    more = generate(gateway, model="tolerant", response_format=None, style="vivid")

    assert [reply.json()["error"]["param"] for reply in (links, more)] == ["response_format", "style"]
    assert upstream.requests == []


def test_what_was_dropped_is_logged_where_the_call_fails_too(
    gateway: httpx.Client, upstream: Upstream, log: io.StringIO
) -> None:
    upstream.replies.append(failed(429, "rate_limit_exceeded"))

    assert generate(gateway, model="tolerant", response_format=None).status_code == 429
    assert [event.get("translated", []) for event in finished(log)] == [["drop-response-format"]]


def test_off_passes_on_what_no_spec_knows(gateway: httpx.Client, upstream: Upstream) -> None:
    fields = {"prompt": 7, "n": "many", "seed": [1, {"a": None}], "size": "9x9"}

    reply = gateway.post("/v1/images/generations", json={"model": "off", **fields})

    assert reply.status_code == 200
    assert reply.headers["imageway-target"] == "main/gpt-image-2"
    assert "imageway-translated" not in reply.headers
    assert upstream.requests[0].json == {"model": "gpt-image-2", **fields}


def test_off_leaves_a_missing_prompt_to_the_vendor(gateway: httpx.Client, upstream: Upstream) -> None:
    reply = gateway.post("/v1/images/generations", json={"model": "off"})

    assert reply.status_code == 200
    assert upstream.requests[0].json == {"model": "gpt-image-2"}


def test_off_passes_on_files_that_are_no_pictures(gateway: httpx.Client, upstream: Upstream) -> None:
    reply = gateway.post(
        "/v1/images/edits",
        data={"model": "off", "prompt": "a hat", "seed": "4"},
        files={"image": ("a.bin", b"not a picture")},
    )

    assert reply.status_code == 200
    assert upstream.requests[0].files == (("image", "image", "application/octet-stream", b"not a picture"),)
    assert ("seed", "4") in upstream.requests[0].texts


@pytest.mark.parametrize("named", [True, False], ids=["by name", "by default"])
def test_off_hands_on_json_edits_as_they_came(named: bool) -> None:
    provider = Recorder()
    plugin = ProviderPlugin(config_type=NoConfig, build=lambda _: provider)
    settings = Settings(
        providers=(ProviderSettings(name="p", type="recorder", plugin=plugin, config=NoConfig()),),
        models=(
            ModelSettings(
                name="off",
                contract="openai/dall-e-2",
                targets=[TargetSettings(provider="p", model="up")],
                validation="off",
            ),
        ),
        default_model="off",
    )
    fields = {"prompt": "a hat", "images": [{"file_id": "f-1"}, {"image_url": "https://h/a.png"}], "mask": {"x": 1}}

    with serving(create_app(settings, log=logger(level=50)), lifespan="on") as url:
        reply = httpx.post(f"{url}/v1/images/edits", json={**fields, **({"model": "off"} if named else {})})

    assert reply.status_code == 200
    assert provider.asked == [ImageRequest(operation=Operation.EDIT, model="off", params=fields)]


def test_strict_refuses_what_it_can_not_look_at(gateway: httpx.Client, upstream: Upstream) -> None:
    reply = gateway.post("/v1/images/edits", json={"model": "strict", "prompt": "x", "images": [{"file_id": "f-1"}]})

    assert (reply.status_code, reply.json()["error"]["param"]) == (400, "images")
    assert upstream.requests == []


def test_off_still_falls_back(gateway: httpx.Client, upstream: Upstream) -> None:
    upstream.replies.append(failed(429, "rate_limit_exceeded"))

    reply = generate(gateway, model="off", seed=1)

    assert (reply.status_code, reply.headers["imageway-target"]) == (200, "spare/gpt-image-2")


def test_off_is_no_licence_for_models_that_are_not_there(gateway: httpx.Client, upstream: Upstream) -> None:
    assert generate(gateway, model="of").json()["error"]["param"] == "model"
    assert upstream.requests == []


def test_cards_tell_how_strictly_a_model_is_checked(gateway: httpx.Client) -> None:
    listing = gateway.get("/v1/models").json()["data"]

    assert [(card["id"], card["imageway"]["validation"]) for card in listing] == [
        ("strict", "strict"),
        ("tolerant", "tolerant"),
        ("off", "off"),
    ]
    assert gateway.get("/v1/models/off").json() == listing[2]


def test_a_start_up_warns_of_each_model_that_is_not_checked(gateway: httpx.Client, log: io.StringIO) -> None:
    events = [json.loads(line) for line in log.getvalue().splitlines()]

    assert [(event["event"], event["level"], event["model"]) for event in events] == [
        ("model.unchecked", "warning", "off")
    ]


def test_off_leaves_several_pictures_of_a_variation_to_the_vendor(gateway: httpx.Client, upstream: Upstream) -> None:
    files = [("image", ("a.png", picture())), ("image[]", ("b.png", picture()))]

    reply = gateway.post("/v1/images/variations", data={"model": "off"}, files=files)

    assert reply.status_code == 200
    assert [name for name, *_ in upstream.requests[0].files] == ["image", "image"]
