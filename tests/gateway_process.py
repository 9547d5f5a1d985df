"""A real gateway in a process of its own, for tests that send it signals, read its log or treat it badly."""

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx


class GatewayProcess:
    """One that serves *config* on a free port, until it is closed; `said` waits for an event in its log.

    *at_once* is done to it when it listens.
    """

    def __init__(self, config: Path, at_once: Callable[[subprocess.Popen[str]], None] = lambda _: None) -> None:
        command = [sys.executable, "-m", "imageway.gateway", "--config", str(config), "--port", "0"]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr is not None
        url = self.process.stderr.readline().split()[-1]
        at_once(self.process)
        self.client = httpx.Client(base_url=url, timeout=30)
        self._lines: queue.Queue[dict[str, Any]] = queue.Queue()
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()
        assert self.client.get("/readyz").text == "ready\n"

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._lines.put(json.loads(line))

    def said(self, event: str) -> dict[str, Any]:
        while (line := self._lines.get(timeout=30))["event"] != event:
            continue
        return line

    def draw(self, model: str, *, stream: bool = False, timeout_s: float = 30, **headers: str) -> httpx.Response:
        body = {"model": model, "prompt": "x", **({"stream": True} if stream else {})}
        return self.client.post("/v1/images/generations", json=body, headers=headers, timeout=timeout_s)

    @property
    def models(self) -> list[str]:
        return [model["id"] for model in self.client.get("/v1/models").json()["data"]]

    def close(self) -> None:
        self.client.close()
        self.process.kill()
        self._reading.join(timeout=20)
        self.process.communicate()
