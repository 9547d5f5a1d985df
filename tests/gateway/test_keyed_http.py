"""Calls under an Idempotency-Key, over HTTP: paid for once, whatever callers, vendors and machines do."""

import asyncio
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from fakes.upstream import Reply, Upstream, failed, streamed
from gateway_log import Log
from imageway.gateway.app import create_app
from imageway.gateway.settings import SettingsError, load_settings
from imageway.gateway.telemetry.logs import logger
from loopback import serving
from pictures import picture

CONFIG = """
providers:
  - {{name: main, type: openai, base_url: "{url}/v1", api_key: "file:{folder}/key"}}
models:
  - {{name: gpt-image-1, targets: [{{provider: main, model: gpt-image-1}}]}}
  - {{name: dall-e-3, targets: [{{provider: main, model: dall-e-3}}]}}
ledger: {{store: "{store}"}}
budgets: {{store: "sqlite:state/budgets.sqlite3"}}
keys:
  - {{name: anna, sha256: {anna}, budget_usd_per_day: 1}}
  - {{name: bert, sha256: {bert}}}
"""


def configured(folder: Path, url: str, store: str = "sqlite:state/ledger.sqlite3") -> Path:
    (folder / "key").write_text("sk-secret\n")
    hashes = {name: sha256(name.encode()).hexdigest() for name in ("anna", "bert")}
    (folder / "gateway.yaml").write_text(CONFIG.format(url=url, folder=folder, store=store, **hashes))
    return folder / "gateway.yaml"


class Held(Upstream):
    """A vendor who begins to draw, and goes on when told."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.go_on = threading.Event(), threading.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def held(message: Any) -> None:
            self.begun.set()
            await asyncio.to_thread(self.go_on.wait, 30)
            await send(message)

        await super().__call__(scope, receive, held)


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()


@contextmanager
def gateway(folder: Path, upstream: Upstream) -> Iterator[str]:
    with serving(upstream) as vendor:
        app = create_app(load_settings(configured(folder, vendor)), log=logger(Log()))
        with serving(app, lifespan="on") as url:
            yield url


@pytest.fixture
def url(upstream: Upstream, tmp_path: Path) -> Iterator[str]:
    with gateway(tmp_path, upstream) as url:
        yield url


def ask(url: str, key: str = "k-1", *, caller: str = "bert", retry: bool = False, **fields: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {caller}", "idempotency-key": key}
    if retry:
        headers["imageway-retry-unknown"] = "true"
    asked = {"model": "dall-e-3", "prompt": "a kite", "response_format": "b64_json", **fields}
    return httpx.post(f"{url}/v1/images/generations", json=asked, headers=headers, timeout=40)


def test_a_repeat_gets_the_answer_that_was_kept(url: str, upstream: Upstream) -> None:
    first, second = ask(url), ask(url)

    assert (first.status_code, second.status_code) == (200, 200)
    assert first.content == second.content
    assert "imageway-idempotency" not in first.headers
    assert ("imageway-replayed" in first.headers, second.headers["imageway-replayed"]) == (False, "true")
    assert second.headers["imageway-target"] == first.headers["imageway-target"]
    assert second.headers["x-request-id"] != first.headers["x-request-id"]
    assert len(upstream.requests) == 1


def test_an_edit_is_the_same_by_the_content_of_its_pictures(url: str, upstream: Upstream) -> None:
    def edit(colour: int) -> int:
        return httpx.post(
            f"{url}/v1/images/edits",
            data={"model": "gpt-image-1", "prompt": "a hat"},
            files={"image": ("any name.png", picture(colour=(colour, 0, 0, 0)))},
            headers={"authorization": "Bearer bert", "idempotency-key": "e"},
        ).status_code

    assert [edit(1), edit(1), edit(2)] == [200, 200, 422]
    assert len(upstream.requests) == 1


def test_callers_share_no_keys(url: str, upstream: Upstream) -> None:
    assert [ask(url, caller=caller).status_code for caller in ("anna", "bert")] == [200, 200]
    assert len(upstream.requests) == 2


def test_another_request_under_the_same_key_is_a_conflict(url: str, upstream: Upstream) -> None:
    ask(url)

    reply = ask(url, prompt="a fox")

    assert (reply.status_code, reply.json()["error"]["imageway"]["code"]) == (422, "idempotency_conflict")
    assert len(upstream.requests) == 1


def test_those_who_come_meanwhile_wait_for_the_one_call(tmp_path: Path) -> None:
    upstream = Held()
    with gateway(tmp_path, upstream) as url, ThreadPoolExecutor(8) as pool:
        first = pool.submit(ask, url)
        assert upstream.begun.wait(timeout=10)
        others = [pool.submit(ask, url) for _ in range(7)]
        upstream.go_on.set()
        answers = {future.result().content for future in (first, *others)}

    assert len(answers) == 1
    assert len(upstream.requests) == 1


def test_a_caller_who_leaves_finds_the_answer_when_he_comes_back(tmp_path: Path) -> None:
    upstream = Held()
    with gateway(tmp_path, upstream) as url:
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(
                f"{url}/v1/images/generations",
                json={"model": "dall-e-3", "prompt": "a kite", "response_format": "b64_json"},
                headers={"authorization": "Bearer bert", "idempotency-key": "k-1"},
                timeout=httpx.Timeout(10, read=0.3),
            )
        upstream.go_on.set()
        reply = ask(url)

    assert reply.status_code == 200
    assert len(upstream.requests) == 1


def test_an_unknown_end_stays_unknown_until_the_caller_says_so(url: str, upstream: Upstream) -> None:
    upstream.replies.append(failed(500, None))

    failure, refused, drawn_at_last, kept = ask(url), ask(url), ask(url, retry=True), ask(url)

    assert [failure.status_code, refused.status_code] == [502, 409]
    assert refused.json()["error"]["imageway"]["code"] == "outcome_unknown"
    assert refused.headers["x-should-retry"] == "false"
    assert (drawn_at_last.status_code, kept.content) == (200, drawn_at_last.content)
    assert len(upstream.requests) == 2


@pytest.mark.parametrize("fault", [failed(400, "moderation_blocked"), failed(429, "rate_limit_exceeded")])
def test_a_failure_that_cost_nothing_is_not_kept(url: str, upstream: Upstream, fault: Reply) -> None:
    upstream.replies.append(fault)

    assert [ask(url).status_code for _ in range(2)] == [fault.status, 200]
    assert len(upstream.requests) == 2


def test_a_refused_request_claims_nothing(url: str, upstream: Upstream) -> None:
    assert [ask(url, size="1x1").status_code, ask(url).status_code] == [400, 200]
    assert len(upstream.requests) == 1


def test_a_stream_is_replayed_with_its_events(url: str, upstream: Upstream) -> None:
    upstream.replies.append(
        streamed(
            ("image_generation.partial_image", {"b64_json": "eA==", "partial_image_index": 0}),
            ("image_generation.completed", {"b64_json": "eQ=="}),
        )
    )
    asked = {"model": "gpt-image-1", "prompt": "x", "stream": True, "partial_images": 1}

    def stream() -> httpx.Response:
        headers = {"authorization": "Bearer bert", "idempotency-key": "s"}
        return httpx.post(f"{url}/v1/images/generations", json=asked, headers=headers)

    first, second = stream(), stream()

    assert first.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert first.text.count("event: image_generation.") == 2
    assert second.text == first.text
    assert len(upstream.requests) == 1


def test_a_replay_costs_no_budget(url: str, upstream: Upstream) -> None:
    codes = [ask(url, caller="anna").status_code for _ in range(30)]
    fresh = [ask(url, f"other-{number}", caller="anna").status_code for number in range(24)]

    assert codes == [200] * 30
    assert fresh == [200] * 24
    assert ask(url, "one-too-many", caller="anna").status_code == 429
    assert len(upstream.requests) == 25


def test_a_key_that_is_none_is_told(url: str, upstream: Upstream) -> None:
    reply = ask(url, "x" * 256)

    assert reply.status_code == 400
    assert "Idempotency-Key" in reply.json()["error"]["message"]
    assert upstream.requests == []


def test_a_restart_replays_what_was_kept(tmp_path: Path) -> None:
    upstream = Upstream()
    contents = []
    for _ in range(2):
        with gateway(tmp_path, upstream) as url:
            contents.append(ask(url).content)

    assert contents[0] == contents[1]
    assert len(upstream.requests) == 1


def test_a_gateway_that_is_killed_while_a_picture_is_drawn_pays_for_it_once(tmp_path: Path) -> None:
    upstream = Held()
    with serving(upstream) as vendor:
        config = configured(tmp_path, vendor)
        with process(config) as (url, first), ThreadPoolExecutor(1) as pool:
            call = pool.submit(ask, url)
            assert upstream.begun.wait(timeout=20)
            first.send_signal(signal.SIGKILL)
            first.wait(timeout=20)
            assert isinstance(call.exception(timeout=20), httpx.TransportError)
        upstream.go_on.set()
        with process(config) as (url, _):
            refused = ask(url)
            anew = ask(url, retry=True)

    assert (refused.status_code, refused.json()["error"]["imageway"]["code"]) == (409, "outcome_unknown")
    assert anew.status_code == 200
    assert len(upstream.requests) == 2


@contextmanager
def process(config: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    command = [sys.executable, "-m", "imageway.gateway", "--config", str(config), "--port", "0"]
    running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert running.stderr is not None
    try:
        line = running.stderr.readline()
        assert line.startswith("imageway-gateway listens on "), line
        yield line.split()[-1], running
    finally:
        if running.poll() is None:
            running.terminate()
        running.communicate(timeout=30)


def test_a_ledger_that_is_in_use_ends_the_second_gateway(tmp_path: Path) -> None:
    config = configured(tmp_path, "http://127.0.0.1:9")
    with process(config):
        second = subprocess.run(
            [sys.executable, "-m", "imageway.gateway", "--config", str(config), "--port", "0"],
            capture_output=True, text=True, timeout=40, check=False,
        )  # fmt: skip

    assert second.returncode == 1
    assert "is in use by another process" in second.stderr


def test_a_store_that_is_none_is_told_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        create_app(load_settings(configured(tmp_path, "http://127.0.0.1:9", "postgres://x")))

    [issue] = caught.value.issues
    assert (issue.code, issue.line) == ("ledger", 7)
    assert issue.message.startswith("ledger.store is 'postgres://x', but must be sqlite:FILE")


def test_without_a_ledger_every_call_is_its_own(upstream: Upstream, tmp_path: Path) -> None:
    with serving(upstream) as vendor:
        config = configured(tmp_path, vendor)
        config.write_text(config.read_text().replace('ledger: {store: "sqlite:state/ledger.sqlite3"}\n', ""))
        with serving(create_app(load_settings(config), log=logger(Log())), lifespan="on") as url:
            replies = [ask(url) for _ in range(2)]

    assert [(reply.status_code, reply.headers["imageway-idempotency"]) for reply in replies] == [(200, "not-kept")] * 2
    assert len(upstream.requests) == 2


def test_a_model_that_a_caller_made_up_is_not_logged(tmp_path: Path, upstream: Upstream) -> None:
    log = Log()
    with serving(upstream) as vendor:
        app = create_app(load_settings(configured(tmp_path, vendor)), log=logger(log))
        with serving(app, lifespan="on") as url:
            httpx.post(
                f"{url}/v1/images/generations",
                json={"model": "a secret prompt", "prompt": "x"},
                headers={"authorization": "Bearer anna", "idempotency-key": "no key"},
            )

    assert (log.last()["code"], log.last()["model"]) == ("invalid_request", None)
    assert "a secret prompt" not in log.getvalue()
