"""A real Prometheus and a real Alertmanager on free ports of loopback, for as long as a `with` block lasts."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from components import require

RULES = Path(__file__).parents[1] / "helm/imageway/files/rules"
_CONFIG = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: ["{rules}/*.yaml"]
alerting: {{alertmanagers: [{{static_configs: [{{targets: ["{alertmanager}"]}}]}}]}}
scrape_configs: [{{job_name: imageway, static_configs: [{{targets: ["{gateway}"]}}]}}]
"""
_ALERTMANAGER = """
route: {{receiver: hook, group_wait: 0s, group_by: [alertname]}}
receivers: [{{name: hook, webhook_configs: [{{url: "{hook}"}}]}}]
"""


class Prometheus:
    """One that scrapes a gateway each second."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=20)

    def query(self, expr: str) -> list[dict[str, Any]]:
        """The series of an instant query. Fails for an expression that doesn't parse."""
        return self._asked("query", {"query": expr})

    def query_range(self, expr: str, seconds: float, step_s: float = 1) -> list[dict[str, Any]]:
        """The series of the last *seconds*."""
        now = time.time()
        span = {"start": str(now - seconds), "end": str(now), "step": str(step_s)}
        return self._asked("query_range", {"query": expr, **span})

    def exemplars(self, metric: str) -> list[dict[str, Any]]:
        """The exemplars of *metric*'s series in the last minute."""
        now = time.time()
        params = {"query": metric, "start": str(now - 60), "end": str(now)}
        found: list[dict[str, Any]] = self._client.get("/api/v1/query_exemplars", params=params).json()["data"]
        return found

    def until(self, expr: str) -> None:
        """Wait until *expr* has an answer."""
        deadline_s = time.monotonic() + 40
        while not self.query(expr):
            assert time.monotonic() < deadline_s, f"{expr} stays empty"
            time.sleep(0.2)

    def close(self) -> None:
        self._client.close()

    def _asked(self, path: str, params: dict[str, str]) -> list[dict[str, Any]]:
        reply = self._client.get(f"/api/v1/{path}", params=params).json()
        assert reply["status"] == "success", (params["query"], reply)
        found: list[dict[str, Any]] = reply["data"]["result"]
        return found


@contextmanager
def serving_prometheus(folder: Path, gateway: str, hook: str) -> Iterator[Prometheus]:
    """One that scrapes *gateway* (host and port) with the chart's rules; its alerts are posted to *hook*."""
    alerts, port = _free_port(), _free_port()
    (folder / "alertmanager.yaml").write_text(_ALERTMANAGER.format(hook=hook))
    (folder / "prometheus.yaml").write_text(
        _CONFIG.format(rules=RULES, alertmanager=f"127.0.0.1:{alerts}", gateway=gateway)
    )
    with (
        _running(
            require("prometheus-alertmanager"),
            f"--config.file={folder}/alertmanager.yaml",
            f"--storage.path={folder}/alerts",
            f"--web.listen-address=127.0.0.1:{alerts}",
            "--cluster.listen-address=",
            ready=f"http://127.0.0.1:{alerts}/-/ready",
        ),
        _running(
            require("prometheus"),
            f"--config.file={folder}/prometheus.yaml",
            f"--storage.tsdb.path={folder}/series",
            f"--web.listen-address=127.0.0.1:{port}",
            "--enable-feature=exemplar-storage",
            ready=f"http://127.0.0.1:{port}/-/ready",
        ),
    ):
        prometheus = Prometheus(f"http://127.0.0.1:{port}")
        try:
            yield prometheus
        finally:
            prometheus.close()


@contextmanager
def _running(*command: str, ready: str) -> Iterator[None]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            deadline_s = time.monotonic() + 40
            while not _answers(ready):
                assert process.poll() is None, f"{command[0]} did not start"
                assert time.monotonic() < deadline_s
                time.sleep(0.1)
            yield
        finally:
            process.kill()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
