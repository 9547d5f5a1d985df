"""Keys, limits and budgets over HTTP: who may call what, how often, and for how much; and dry runs."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from fakes.upstream import Upstream, drawn, failed, streamed
from gateway_log import Log
from imageway.gateway.app import create_app
from imageway.gateway.settings import SettingsError, load_settings
from imageway.gateway.telemetry.logs import logger
from loopback import serving
from pictures import picture

CONFIG = """
providers:
  - {{name: main, type: openai, base_url: "{url}/v1", api_key: "file:{folder}/key"}}
  - {{name: paper, type: sketch}}
models:
  - {{name: gpt-image-1, targets: [{{provider: main, model: gpt-image-1}}]}}
  - {{name: dall-e-3, targets: [{{provider: main, model: dall-e-3}}]}}
  - {{name: drafts, contract: openai/gpt-image-2, targets: [{{provider: paper, model: gpt-image-2}}]}}
  - name: team/odd
    contract: openai/gpt-image-1
    validation: off
    targets: [{{provider: main, model: gpt-image-1}}]
budgets: {{store: "sqlite:state/budgets.sqlite3"}}
keys:
  - {{name: all, sha256: {all}}}
  - {{name: few, sha256: {few}, models: [dall-e-3, drafts], requests_per_minute: 2, images_per_minute: 3}}
  - {{name: poor, sha256: {poor}, budget_usd_per_day: 0.10, budget_usd_per_month: 1}}
  - {{name: single, sha256: {single}, max_in_flight: 1}}
"""
NAMES = ("all", "few", "poor", "single")
USAGE = {"total_tokens": 282, "input_tokens": 10, "output_tokens": 272, "input_tokens_details": {"text_tokens": 10}}
"""Of gpt-image-1: 10 x 5 + 272 x 40 millionths of a dollar."""


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()


@pytest.fixture
def log() -> Log:
    return Log()


def configured(folder: Path, url: str = "http://127.0.0.1:9") -> Path:
    (folder / "key").write_text("sk-secret\n")
    hashes = {name: sha256(f"imw_{name}".encode()).hexdigest() for name in NAMES}
    (folder / "gateway.yaml").write_text(CONFIG.format(url=url, folder=folder, **hashes))
    return folder / "gateway.yaml"


@pytest.fixture
def url(upstream: Upstream, log: Log, tmp_path: Path) -> Iterator[str]:
    with serving(upstream) as vendor:
        app = create_app(load_settings(configured(tmp_path, vendor)), log=logger(log))
        with serving(app, lifespan="on") as url:
            yield url


def ask(url: str, key: str | None, path: str = "/v1/images/generations", **fields: Any) -> httpx.Response:
    headers = {} if key is None else {"authorization": f"Bearer imw_{key}"}
    return httpx.post(f"{url}{path}", json={"model": "dall-e-3", "prompt": "x", **fields}, headers=headers)


@pytest.mark.parametrize("key", [None, "nobody", ""])
def test_a_caller_without_a_key_gets_nowhere(url: str, upstream: Upstream, key: str | None) -> None:
    with openai.OpenAI(base_url=f"{url}/v1", api_key=f"imw_{key}", max_retries=0) as client:
        with pytest.raises(openai.AuthenticationError) as caught:
            client.images.generate(model="dall-e-3", prompt="x")
        with pytest.raises(openai.AuthenticationError):
            client.models.list()

    assert caught.value.code == "invalid_api_key"
    assert ask(url, key).status_code == 401
    assert upstream.requests == []


def test_an_upload_of_nobody_is_refused_by_its_head(url: str, upstream: Upstream) -> None:
    form = {"model": (None, "gpt-image-1"), "prompt": (None, "x"), "image": ("a.png", picture())}

    assert httpx.post(f"{url}/v1/images/edits", files=form).status_code == 401
    assert upstream.requests == []


def test_azures_client_comes_in_with_its_header_and_its_paths(url: str, upstream: Upstream) -> None:
    azure = openai.AzureOpenAI(azure_endpoint=url, api_key="imw_all", api_version="2025-04-01-preview", max_retries=0)
    with azure as client:
        client.images.generate(model="dall-e-3", prompt="x")
        client.images.generate(model="team/odd", prompt="x")
        client.images.edit(model="gpt-image-1", prompt="x", image=picture())

    assert [(sent.path, (sent.json or dict(sent.texts))["model"]) for sent in upstream.requests] == [
        ("/v1/images/generations", "dall-e-3"),
        ("/v1/images/generations", "gpt-image-1"),
        ("/v1/images/edits", "gpt-image-1"),
    ]


def test_the_deployment_in_the_path_counts_more_than_the_body(url: str, upstream: Upstream) -> None:
    reply = ask(
        url, "all", "/openai/deployments/gpt-image-1/images/generations?api-version=2025-04-01", model="nonsense"
    )

    assert reply.status_code == 200
    assert upstream.requests[0].json["model"] == "gpt-image-1"


@pytest.mark.parametrize("path", ["/images/generations", "/openai/v1/images/generations", "/openai/images/generations"])
def test_other_spellings_of_the_path_lead_there_too(url: str, upstream: Upstream, path: str) -> None:
    assert ask(url, "all", path).status_code == 200


def test_a_key_never_hears_of_models_that_it_may_not_use(url: str, upstream: Upstream) -> None:
    def names(key: str) -> list[str]:
        reply = httpx.get(f"{url}/v1/models", headers={"api-key": f"imw_{key}"})
        return [card["id"] for card in reply.json()["data"]]

    unknown = ask(url, "few", model="gpt-image-1").json()["error"]
    hinted = ask(url, "few", size="1x1").json()["error"]

    assert names("few") == ["dall-e-3", "drafts"]
    assert names("all") == ["gpt-image-1", "dall-e-3", "drafts", "team/odd"]
    assert (unknown["code"], unknown["imageway"]["known_models"]) == ("invalid_value", ["dall-e-3", "drafts"])
    assert hinted["param"] == "size"
    assert "gpt-image-1" not in str(hinted)
    assert httpx.get(f"{url}/v1/models/gpt-image-1", headers={"api-key": "imw_few"}).status_code == 404
    assert upstream.requests == []


def test_limits_are_told_with_every_answer_and_hold(url: str, upstream: Upstream) -> None:
    first, refused, second, third = (
        ask(url, "few"), ask(url, "few", n=2), ask(url, "few"), ask(url, "few")
    )  # fmt: skip

    assert (first.headers["x-ratelimit-limit-requests"], first.headers["x-ratelimit-remaining-requests"]) == ("2", "1")
    assert first.headers["x-ratelimit-remaining-images"] == "2"
    assert refused.json()["error"]["param"] == "n"
    assert second.status_code == 200
    assert (third.status_code, third.json()["error"]["code"]) == (429, "rate_limit_exceeded")
    assert 1 <= int(third.headers["retry-after"]) <= 60
    assert "x-should-retry" not in third.headers
    assert len(upstream.requests) == 2


def test_a_budget_is_spent_to_what_calls_came_to_and_then_refuses(url: str, upstream: Upstream) -> None:
    upstream.replies.append(drawn(usage=USAGE))
    cheap = {"model": "gpt-image-1", "size": "1024x1024", "quality": "low"}

    paid = ask(url, "poor", **cheap)
    again = ask(url, "poor", model="dall-e-3")
    refused = ask(url, "poor", model="dall-e-3", size="1792x1024")

    assert paid.headers["imageway-cost-usd"] == "0.01093"
    assert again.headers["imageway-cost-usd"] == "0.04"
    assert refused.status_code == 429
    assert refused.headers["x-should-retry"] == "false"
    error = refused.json()["error"]
    assert (error["type"], error["imageway"]["code"]) == ("insufficient_quota", "budget_exhausted")
    assert error["message"].endswith("is 0.10 USD, of which 0.0491 are left; this call may cost 0.0800.")
    assert len(upstream.requests) == 2


def test_a_refused_call_gives_its_reservation_back_and_an_unknown_end_does_not(url: str, upstream: Upstream) -> None:
    upstream.replies.extend((failed(400, "moderation_blocked"), failed(500, None), drawn()))

    endings = [ask(url, "poor", size="1792x1024").status_code for _ in range(3)]

    assert endings == [400, 502, 429]
    assert len(upstream.requests) == 2


def test_a_restart_forgets_no_spending(upstream: Upstream, tmp_path: Path) -> None:
    with serving(upstream) as vendor:
        for expected in (200, 429):
            app = create_app(load_settings(configured(tmp_path, vendor)), log=logger(Log()))
            with serving(app, lifespan="on") as url:
                assert ask(url, "poor", size="1792x1024").status_code == expected

    assert len(upstream.requests) == 1


def test_what_nobody_can_price_is_not_for_a_key_with_a_budget(url: str, upstream: Upstream) -> None:
    reply = ask(url, "poor", model="team/odd")

    assert (reply.status_code, reply.json()["error"]["param"]) == (429, "model")
    assert ask(url, "all", model="team/odd").status_code == 200
    assert len(upstream.requests) == 1


def test_what_sketch_draws_costs_nothing(url: str) -> None:
    replies = [ask(url, "poor", model="drafts", size="1024x1024", quality="low") for _ in range(2)]

    assert [reply.headers["imageway-cost-usd"] for reply in replies] == ["0", "0"]


def test_a_streamed_picture_is_paid_for_by_its_usage(url: str, upstream: Upstream, log: Log) -> None:
    upstream.replies.append(streamed(("image_generation.completed", {"b64_json": "eA==", "usage": USAGE})))

    ask(url, "poor", model="gpt-image-1", size="1024x1024", quality="low", stream=True)

    assert (log.last()["cost_usd"], log.last()["key"]) == (0.01093, "poor")
    assert (
        'imageway_cost_usd_total{key="poor",model="gpt-image-1",provider="main"} 0.01093'
        in httpx.get(f"{url}/metrics").text
    )


def test_a_key_has_no_more_calls_in_flight_than_it_may(url: str, upstream: Upstream) -> None:
    upstream.replies.append(streamed(("image_generation.partial_image", {"b64_json": "eA=="}), never=True))
    asked = {"model": "gpt-image-1", "prompt": "x", "stream": True}

    with httpx.stream(
        "POST", f"{url}/v1/images/generations", json=asked, headers={"authorization": "Bearer imw_single"}
    ) as flying:
        chunks = flying.iter_bytes()
        began = next(chunks)
        second = ask(url, "single")

    assert began.startswith(b"event: image_generation.partial_image\n")
    assert second.status_code == 429, second.text
    assert second.headers["retry-after"] == "1"
    assert second.json()["error"]["message"] == "This key has 1 calls in flight, which is its limit."
    assert upstream.left.wait(timeout=10)


def test_a_dry_run_tells_what_would_be_sent_and_what_it_may_cost(url: str, upstream: Upstream) -> None:
    told = ask(url, "all", "/v1/images/generations?dry_run=true", size="1792x1024", quality="hd").json()

    assert told == {
        "would_send": True,
        "object": "imageway.dry_run",
        "message": None,
        "violations": [],
        "accepted_by": [],
        "target": "main/dall-e-3",
        "targets": [{"target": "main/dall-e-3", "priority": 1, "weight": 1, "busy": None}],
        "translated": [],
        "params": {"model": "dall-e-3", "prompt": "x", "size": "1792x1024", "quality": "hd"},
        "cost": {"low_usd": "0.12", "high_usd": "0.12", "approximate": False},
    }
    assert upstream.requests == []


def test_a_dry_run_tells_every_fault(url: str, upstream: Upstream) -> None:
    told = ask(url, "all", "/v1/images/generations?dry_run=true", n=2, size="1x1").json()
    unknown = ask(url, "all", "/v1/images/generations?dry_run=true", model="nonsense").json()

    assert [fault["param"] for fault in told["violations"]] == ["n", "size"]
    assert (told["would_send"], unknown["would_send"]) == (False, False)
    assert unknown["message"].startswith("The model 'nonsense' does not exist.")
    assert upstream.requests == []


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ("name: few", "name: all", "the name of key 'all' is taken"),
        ("name: few", "name: anyone", "the name of key 'anyone' is taken"),
        (sha256(b"imw_few").hexdigest(), sha256(b"imw_all").hexdigest(), "the sha256 of key 'few' is taken"),
        ("models: [dall-e-3, drafts]", "models: [dalle]", "key 'few' may use 'dalle', which is no model here"),
        (
            "budget_usd_per_day: 0.10",
            "budget_usd_per_day: 0",
            "a budget of key 'poor' is nothing; leave out models instead",
        ),
        (
            'budgets: {store: "sqlite:state/budgets.sqlite3"}\n',
            "",
            "key 'poor' has a budget, and a restart would forget what is spent of it: say where to keep that, such as"
            " budgets: {store: 'sqlite:state/budgets.sqlite3'}",
        ),
    ],
)
def test_keys_that_make_no_sense_are_told_at_start(tmp_path: Path, before: str, after: str, fault: str) -> None:
    config = configured(tmp_path)
    config.write_text(config.read_text().replace(before, after))

    with pytest.raises(SettingsError) as caught:
        create_app(load_settings(config))

    assert [issue.message for issue in caught.value.issues] == [fault]


def test_budgets_that_cannot_be_read_are_told_at_start(tmp_path: Path) -> None:
    config = configured(tmp_path)
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "budgets.sqlite3").write_text(
        "no database, whatever its name says, and long enough to see it"
    )

    with pytest.raises(SettingsError, match=r"budgets.sqlite3 can't be used: file is not a database"):
        create_app(load_settings(config))


def test_with_keys_a_gateway_may_listen_everywhere(tmp_path: Path) -> None:
    config = configured(tmp_path)
    config.write_text("server: {host: 0.0.0.0}\n" + config.read_text())

    create_app(load_settings(config))
