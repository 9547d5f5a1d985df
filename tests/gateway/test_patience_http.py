"""No call outlives its caller's patience, unless its answer is kept: clients, and a vendor who never answers."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import openai
import pytest

from fakes.holding import HoldingUpstream
from fakes.upstream import Reply, Upstream, streamed
from gateway_log import Log
from imageway.contract.errors import ErrorCode, ImageError
from imageway.gateway.app import create_app
from imageway.gateway.engine.patience import Patience
from imageway.gateway.http.patience import patience_of
from imageway.gateway.settings import load_settings
from imageway.gateway.telemetry.logs import logger
from imageway.sdk import Client
from loopback import serving

CONFIG = """
server: {{max_call_s: {longest}}}
providers:
  - {{name: main, type: openai, base_url: "{url}/v1", api_key: "file:{folder}/key"}}
models:
  - name: gpt-image-2
    targets: [{{provider: main, model: gpt-image-2}}]
    breaker: {{failures: 2}}
ledger: {{store: "sqlite:state/ledger.sqlite3"}}
"""
PARTIAL = {"b64_json": "AA==", "partial_image_index": 0, "created_at": 1, "size": "auto", "quality": "low"}
BODY = {"model": "gpt-image-2", "prompt": "x"}


def configured(folder: Path, vendor: str, longest: float) -> Path:
    (folder / "key").write_text("sk-secret\n")
    (folder / "gateway.yaml").write_text(CONFIG.format(url=vendor, folder=folder, longest=longest))
    return folder / "gateway.yaml"


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()


@pytest.fixture
def longest() -> float:
    return 600.0


@pytest.fixture
def url(upstream: Upstream, tmp_path: Path, longest: float) -> Iterator[str]:
    with serving(upstream) as vendor:
        app = create_app(load_settings(configured(tmp_path, vendor, longest)), log=logger(Log()))
        with serving(app, lifespan="on") as url:
            yield url


def draw(url: str, **headers: str) -> httpx.Response:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.post(f"{url}/v1/images/generations", json=BODY, headers=names, timeout=30)


def test_the_official_client_hears_of_the_end_before_it_would_pay_again(url: str, upstream: Upstream) -> None:
    upstream.replies.append(Reply(never=True))

    client = openai.OpenAI(base_url=f"{url}/v1", api_key="k", timeout=1.0, max_retries=2)
    with client, pytest.raises(openai.APIStatusError) as caught:
        client.images.generate(model="gpt-image-2", prompt="x")

    assert caught.value.status_code == 504
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert caught.value.response.json()["error"]["imageway"]["may_have_billed"] is True
    assert caught.value.response.json()["error"]["message"] == (
        "The call was given up after 0.9 seconds, which is as long as its caller waits."
    )
    assert upstream.left.wait(timeout=20)
    assert len(upstream.requests) == 1


def test_our_own_client_tells_its_patience(url: str, upstream: Upstream) -> None:
    upstream.replies.append(Reply(never=True))

    with Client(url, timeout_s=0.5) as client, pytest.raises(ImageError) as caught:
        client.generate("x", model="gpt-image-2")

    assert (caught.value.code, caught.value.may_have_billed) == (ErrorCode.UPSTREAM_TIMEOUT, True)
    assert caught.value.message.startswith("The call was given up after 0.45 seconds")


@pytest.mark.parametrize("longest", [0.3])
def test_no_call_is_longer_than_the_gateway_lets_it(url: str, upstream: Upstream) -> None:
    upstream.replies.extend([Reply(never=True)] * 2)

    replies = [draw(url), draw(url, imageway_timeout_s="500")]

    assert [reply.status_code for reply in replies] == [504, 504]
    assert {reply.json()["error"]["message"] for reply in replies} == {
        "The call was given up after 0.3 seconds, which is as long as this gateway lets a call take."
    }
    assert draw(url).status_code == 503  # a vendor who is that slow is at fault, and was so often enough


def test_an_impatient_caller_spoils_no_target_for_others(url: str, upstream: Upstream) -> None:
    upstream.replies.extend([Reply(never=True)] * 4)

    impatient = [draw(url, imageway_timeout_s="0.05").status_code for _ in range(4)]
    upstream.replies.clear()  # of those who were given up on before they were asked

    assert (impatient, draw(url).status_code) == ([504] * 4, 200)


def test_a_stream_ends_with_its_callers_patience(url: str, upstream: Upstream) -> None:
    upstream.replies.append(streamed(("image_generation.partial_image", PARTIAL), never=True))

    reply = httpx.post(
        f"{url}/v1/images/generations",
        json={**BODY, "stream": True, "partial_images": 1},
        headers={"imageway-timeout-s": "2"},
        timeout=30,
    )

    events = [line for line in reply.text.splitlines() if line.startswith("event: ")]
    assert events == ["event: image_generation.partial_image", "event: error"]
    assert "The call was given up after 1.8 seconds" in reply.text
    assert upstream.left.wait(timeout=20)


def test_a_keyed_call_goes_on_and_its_answer_is_kept(tmp_path: Path) -> None:
    held = HoldingUpstream()
    with serving(held) as vendor, ThreadPoolExecutor() as threads:
        app = create_app(load_settings(configured(tmp_path, vendor, 600)), log=logger(Log()))
        with serving(app, lifespan="on") as url:
            impatient = threads.submit(draw, url, idempotency_key="k", imageway_timeout_s="0.5")
            held.arrived(1)
            told = impatient.result()
            held.release()

            kept = draw(url, idempotency_key="k")

    assert (told.status_code, told.json()["error"]["message"]) == (
        504,
        "The call under this Idempotency-Key is still under way, and its answer will be kept."
        " Send the same request again under the same key to get it.",
    )
    assert (kept.status_code, kept.headers["imageway-replayed"]) == (200, "true")
    assert len(held.upstream.requests) == 1


@pytest.mark.parametrize("told", ["0", "-1", "soon", "nan", "inf", ""])
def test_a_patience_that_is_none_is_refused(url: str, upstream: Upstream, told: str) -> None:
    reply = draw(url, imageway_timeout_s=told)

    assert (reply.status_code, upstream.requests) == (400, [])
    assert reply.json()["error"]["message"] == (
        f"The header imageway-timeout-s is '{told}'; it is a number of seconds, more than 0."
    )


@pytest.mark.parametrize(
    ("headers", "patience"),
    [
        ({}, Patience()),
        ({"x-stainless-read-timeout": "600"}, Patience(silent_s=599.0)),
        ({"x-stainless-read-timeout": "600.0"}, Patience(silent_s=599.0)),
        ({"x-stainless-read-timeout": "5"}, Patience(silent_s=4.5)),
        ({"x-stainless-read-timeout": "None"}, Patience()),
        ({"x-stainless-read-timeout": "nan"}, Patience()),
        ({"x-stainless-read-timeout": "-3"}, Patience()),
        ({"x-stainless-timeout": "60"}, Patience(silent_s=59.0)),
        ({"x-stainless-timeout": "0"}, Patience()),
        ({"imageway-timeout-s": "30"}, Patience(whole_s=29.0)),
        ({"imageway-timeout-s": "30", "x-stainless-read-timeout": "600"}, Patience(silent_s=599.0, whole_s=29.0)),
    ],
)
def test_what_headers_tell_is_understood(headers: dict[str, str], patience: Patience) -> None:
    assert patience_of(headers) == patience
