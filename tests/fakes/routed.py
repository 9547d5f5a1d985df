"""Gateways with several targets, before vendors that do as they are told."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from fakes.clock import FakeClock
from fakes.holding import HoldingUpstream
from fakes.upstream import Upstream, failed
from gateway_log import Log
from imageway.gateway.app import create_app
from imageway.gateway.settings import load_settings
from imageway.gateway.telemetry.logs import logger
from loopback import serving

CONFIG = """
server: {{max_call_s: 600}}
providers:
  - {{name: a, type: openai, base_url: "{url}/a/v1", api_key: "file:{key}"}}
  - {{name: b, type: openai, base_url: "{url}/b/v1", api_key: "file:{key}"}}
  - {{name: down, type: openai, base_url: "http://127.0.0.1:1/v1", api_key: "file:{key}"}}
models:
  - {{name: both, contract: openai/gpt-image-2, targets: [{a}, {b}]}}
  - {{name: one, contract: openai/gpt-image-2, targets: [{a}]}}
  - {{name: unreachable, contract: openai/gpt-image-2, targets: [{down}]}}
  - {{name: rescued, contract: openai/gpt-image-2, targets: [{down}, {b}]}}
  - {{name: careless, contract: openai/gpt-image-2, targets: [{a}, {b}], may_pay_twice: true}}
  - {{name: quick, contract: openai/gpt-image-2, targets: [{a}], retries: 0}}
"""


A, B = "/a/v1/images/generations", "/b/v1/images/generations"


COMPLETED = {"b64_json": "AA==", "created_at": 1, "size": "auto", "quality": "low", "background": "auto"}


def target(provider: str, **options: object) -> str:
    keys = {"provider": provider, "model": "m", "spec": "openai/gpt-image-2", **options}
    return "{" + ", ".join(f"{name}: {value}" for name, value in keys.items()) + "}"


class Gateway(NamedTuple):
    client: httpx.Client
    upstream: Upstream
    clock: FakeClock
    log: Log

    def draw(self, model: str, headers: dict[str, str] | None = None, **params: Any) -> httpx.Response:
        fields = {"model": model, "prompt": "x", **params}
        return self.client.post("/v1/images/generations", json=fields, headers=headers or {})

    def asked(self) -> list[str]:
        """The paths that were asked since the last time."""
        paths = [request.path for request in self.upstream.requests]
        self.upstream.requests.clear()
        return paths


@contextmanager
def gateway_of(
    folder: Path, config: str, draw: float = 0.5, held_a: HoldingUpstream | None = None
) -> Iterator[Gateway]:
    """A gateway with `{a}`, `{b}` and `{down}` for targets in *config*. Chance always says *draw*."""
    (folder / "key").write_text("sk-secret\n")
    upstream, clock, log = Upstream(), FakeClock(), Log()

    async def service(scope: Any, receive: Any, send: Any) -> None:
        vendor = held_a if held_a is not None and scope["path"].startswith("/a/") else upstream
        await vendor(scope, receive, send)

    with serving(service) as vendor:
        targets = {name: target(name) for name in ("a", "b", "down")}
        (folder / "gateway.yaml").write_text(config.format(url=vendor, key=folder / "key", **targets))
        settings = load_settings(folder / "gateway.yaml")
        app = create_app(settings, log=logger(log), clock_s=clock, sleep=clock.sleep, draw=lambda: draw)
        with serving(app, lifespan="on") as url, httpx.Client(base_url=url, timeout=30) as client:
            yield Gateway(client, upstream, clock, log)


THROTTLED_LONG = failed(429, "rate_limit_exceeded", retry_after="60")


LIMITED = """
providers:
  - {{name: a, type: openai, base_url: "{url}/a/v1", api_key: "file:{key}"}}
  - {{name: b, type: openai, base_url: "{url}/b/v1", api_key: "file:{key}"}}
models:
"""


def model(name: str, *targets: str, **options: object) -> str:
    # Doubled, because the file is a format string.
    keys = {"name": name, "contract": "openai/gpt-image-2", "targets": f"[{', '.join(targets)}]", **options}
    line = "  - {" + ", ".join(f"{key}: {value}" for key, value in keys.items()) + "}\n"
    return line.replace("{", "{{").replace("}", "}}")
