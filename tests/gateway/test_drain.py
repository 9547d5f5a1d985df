"""The end of a real gateway under load: what is in flight is answered, what comes late isn't sent."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from fakes.holding import HoldingUpstream
from fakes.upstream import streamed
from gateway_log import Log
from imageway.gateway.app import create_app
from imageway.gateway.settings import load_settings
from imageway.gateway.telemetry.logs import logger
from loopback import serving

CALL = {"model": "gpt-image-1", "prompt": "a kite"}
LATE = "The gateway is shutting down; nothing was sent. Send the request again."


class Process:
    """A gateway of its own process: `url`, and `beside` where its metrics are apart."""

    def __init__(self, config: Path) -> None:
        command = [sys.executable, "-m", "imageway.gateway", "--config", str(config), "--port", "0"]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self.url = self._told("imageway-gateway listens on ")
        if "metrics_port" in config.read_text():
            self.beside = self._told("metrics are on ")
        self.client = httpx.Client(base_url=self.url, timeout=30)
        assert self.client.get("/readyz").text == "ready\n"

    def _told(self, start: str) -> str:
        assert self.process.stderr is not None
        line = self.process.stderr.readline()
        assert line.startswith(start), line
        return line.split()[-1]

    def draining(self) -> None:
        """Tell it to end, and wait until it knows."""
        self.process.send_signal(signal.SIGTERM)
        deadline_s = time.monotonic() + 20
        while self.client.get("/readyz").text != "draining\n":
            assert time.monotonic() < deadline_s

    def close(self) -> None:
        self.client.close()
        self.process.kill()
        self.process.communicate()

    def ended(self) -> tuple[int, list[str]]:
        """How it ended, and the events in its log."""
        _, log = self.process.communicate(timeout=30)
        return self.process.returncode, [json.loads(line)["event"] for line in log.splitlines()]


@pytest.fixture
def upstream() -> HoldingUpstream:
    return HoldingUpstream()


@contextmanager
def gateway(upstream: HoldingUpstream, folder: Path, server: str = "") -> Iterator[Process]:
    (folder / "key").write_text("sk-secret\n")
    with serving(upstream) as vendor:
        (folder / "gateway.yaml").write_text(
            f'providers: [{{name: main, type: openai, base_url: "{vendor}/v1", api_key: "file:{folder}/key"}}]\n'
            'ledger: {store: "sqlite:ledger.sqlite3"}\n'
            f"server: {{port: 0{server}}}\n"
        )
        process = Process(folder / "gateway.yaml")
        try:
            yield process
        finally:
            process.close()


def post(client: httpx.Client, **headers: str) -> httpx.Response:
    return client.post("/v1/images/generations", json=CALL, headers=headers)


def post_stream(client: httpx.Client) -> str:
    return client.post("/v1/images/generations", json={**CALL, "stream": True}).text


def test_calls_in_flight_are_answered_and_late_ones_refused(upstream: HoldingUpstream, tmp_path: Path) -> None:
    completed = {"b64_json": "aGk=", "created_at": 1, "usage": {"total_tokens": 1}}
    with gateway(upstream, tmp_path) as process, ThreadPoolExecutor(12) as pool:
        streaming = pool.submit(post_stream, process.client)
        upstream.arrived(1)
        upstream.upstream.replies.append(streamed(("image_generation.completed", completed)))
        calls: list[Future[httpx.Response]] = [pool.submit(post, process.client) for _ in range(8)]
        upstream.arrived(8)
        with pytest.raises(httpx.ReadTimeout):
            process.client.post(
                "/v1/images/generations", json=CALL, timeout=1, headers={"idempotency-key": "left-alone"}
            )
        upstream.arrived(1)

        process.draining()
        late, alive = post(process.client), process.client.get("/healthz")
        upstream.release()
        answers = [call.result() for call in calls]
        events = streaming.result()
        code, logged = process.ended()

        assert [answer.status_code for answer in answers] == [200] * 8
        assert {answer.headers["connection"] for answer in answers} == {"close"}
        assert events.startswith("event: image_generation.completed\n")
        assert events.endswith("\n\n")
        assert (late.status_code, late.json()["error"]["message"]) == (503, LATE)
        assert {name: late.headers[name] for name in ("retry-after", "x-should-retry", "connection")} == {
            "retry-after": "1",
            "x-should-retry": "true",
            "connection": "close",
        }
        assert alive.text == "ok\n"
        assert (code, logged[0], logged[-1]) == (0, "drain.begun", "drain.finished")
        assert logged.count("request.finished") == 10
        assert len(upstream.upstream.requests) == 10
        app = create_app(load_settings(tmp_path / "gateway.yaml"), log=logger(Log()))
        with serving(app, lifespan="on") as url, httpx.Client(base_url=url) as client:
            assert post(client, **{"idempotency-key": "left-alone"}).headers["imageway-replayed"] == "true"


def test_calls_still_get_in_while_others_hear_of_the_end(upstream: HoldingUpstream, tmp_path: Path) -> None:
    with gateway(upstream, tmp_path, ", drain_delay_s: 1000") as process, ThreadPoolExecutor(1) as pool:
        process.draining()
        call = pool.submit(post, process.client)
        upstream.arrived(1)
        upstream.release()

        assert call.result().status_code == 200
        assert call.result().headers["connection"] == "close"
        process.process.send_signal(signal.SIGTERM)  # the second one ends it at once
        assert process.process.wait(timeout=20) == -signal.SIGTERM


def test_calls_that_take_longer_than_the_drain_are_told_the_truth(upstream: HoldingUpstream, tmp_path: Path) -> None:
    with gateway(upstream, tmp_path, ", drain_s: 0") as process, ThreadPoolExecutor(2) as pool:
        call = pool.submit(post, process.client)
        keyed = pool.submit(post, process.client, **{"idempotency-key": "k"})
        upstream.arrived(2)
        process.process.send_signal(signal.SIGTERM)

        answer = call.result()
        assert (answer.status_code, answer.headers["x-should-retry"]) == (504, "false")
        assert answer.json()["error"]["message"] == (
            "The gateway shut down before this call was answered: it may have been drawn and charged for."
        )
        assert keyed.result().status_code == 504
        code, logged = process.ended()
        assert (code, logged[-1]) == (1, "drain.cut")


def test_metrics_on_a_port_of_their_own_are_not_on_the_main_one(upstream: HoldingUpstream, tmp_path: Path) -> None:
    with gateway(upstream, tmp_path, ", metrics_port: 0") as process:
        assert process.client.get("/metrics").status_code == 404
        assert "imageway_requests" in httpx.get(process.beside).text
        health = process.beside.replace("/metrics", "/readyz")
        assert httpx.get(health).text == "ready\n"
        process.process.send_signal(signal.SIGTERM)
        assert process.ended()[0] == 0
