"""A gateway over HTTP with a second target for one of its models."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import httpx

from fakes.upstream import Upstream
from imageway.gateway.app import create_app
from imageway.gateway.settings import load_settings
from imageway.gateway.telemetry.logs import logger
from loopback import serving

CONFIG = """
providers:
  - {{name: first, type: openai, base_url: "{url}/v1", api_key: "file:{key}"}}
  - {{name: second, type: openai, base_url: "{url}/second/v1", api_key: "file:{key}"}}
default_model: gpt-image-1
models:
  - name: gpt-image-1
    targets:
      - {{provider: first, model: img-1, spec: openai/gpt-image-1}}
      - {{provider: second, model: img-2, spec: openai/gpt-image-1}}
  - {{name: dall-e-2, targets: [{{provider: first, model: dall-e-2}}], retries: 0}}
  - {{name: dall-e-3, targets: [{{provider: first, model: dall-e-3}}]}}
"""


@contextmanager
def before(upstream: Upstream, log: io.StringIO, folder: Path) -> Iterator[httpx.Client]:
    """A client of the gateway before *upstream*, which is both vendors."""
    (folder / "key").write_text("sk-secret\n")
    with serving(upstream) as url:
        config = folder / "gateway.yaml"
        config.write_text(CONFIG.format(url=url, key=folder / "key"))
        app = create_app(load_settings(config), log=logger(log), today=lambda: date(2026, 1, 1))
        with serving(app, lifespan="on") as gateway_url, httpx.Client(base_url=gateway_url) as client:
            yield client


def generate(gateway: httpx.Client, **fields: Any) -> httpx.Response:
    return gateway.post("/v1/images/generations", json=fields)
