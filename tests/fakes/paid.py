"""A gateway in front of a vendor that takes money, and a task that spends it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from imageway.gateway.app import create_app
from imageway.gateway.settings import load_settings
from imageway.sdk.cli import main
from loopback import serving

GATEWAY = """
providers: [{{name: main, type: openai, base_url: "{url}/v1", api_key: "file:{key}"}}]
models: [{{name: dall-e-3, targets: [{{provider: main, model: dall-e-3}}]}}]
"""


DALL_E_3 = (("dall-e-2", "dall-e-3"), ("size: 512x512", "size: 1024x1024\n          quality: hd"))


EACH_USD = 0.08
"""Of a dall-e-3 picture of 1024x1024 in hd."""


@contextmanager
def gateway_before(vendor: Any, tmp_path: Path) -> Iterator[str]:
    """The real gateway in front of *vendor*, an ASGI app."""
    (tmp_path / "key").write_text("sk-x")
    config = tmp_path / "gateway.yaml"
    with serving(vendor) as url:
        config.write_text(GATEWAY.format(url=url, key=tmp_path / "key"))
        with serving(create_app(load_settings(config)), lifespan="on") as served:
            yield served


def write_records(folder: Path, count: int) -> None:
    (folder / "data.json").write_text(json.dumps([{"id": str(n), "title": f"t{n}"} for n in range(1, count + 1)]))


def command_told(capsys: pytest.CaptureFixture[str], *tokens: str) -> tuple[int, dict[str, Any]]:
    exit_ = main([*tokens, "--json"])
    return exit_, json.loads(capsys.readouterr().out)
