"""The OpenAPI document: true of every route, asked for like everything else, and nothing made by it crashes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from fakes.upstream import Upstream
from gateway_log import Log
from imageway.gateway.app import create_app
from imageway.gateway.settings import load_settings, sketch_only
from imageway.gateway.telemetry.logs import logger
from loopback import serving

CONFIG = """
providers: [{{name: main, type: openai, base_url: "{vendor}/v1", api_key: "file:{folder}/key"}}]
models:
  - {{name: gpt-image-1, targets: [{{provider: main, model: gpt-image-1}}]}}
  - {{name: dall-e-2, targets: [{{provider: main, model: dall-e-2}}]}}
default_model: gpt-image-1
ledger: {{store: "sqlite:ledger.sqlite3"}}
keys: [{{name: all, sha256: {key}}}]
"""
UNTOLD = {"/files/{name:str}", "/metrics", "/ui", "/ui/{name:str}"}
"""Paths for browsers and Prometheus."""


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "key").write_text("sk-secret")
    config = tmp_path / "gateway.yaml"
    with serving(Upstream()) as vendor:
        config.write_text(CONFIG.format(vendor=vendor, folder=tmp_path, key=sha256(b"imw_all").hexdigest()))
        with serving(create_app(load_settings(config), log=logger(Log())), lifespan="on") as url:
            yield url


def test_the_document_is_for_whoever_may_call(url: str) -> None:
    told = httpx.get(f"{url}/openapi.json", headers={"authorization": "Bearer imw_all"})

    assert httpx.get(f"{url}/openapi.json").status_code == 401
    assert (told.status_code, told.json()["openapi"]) == (200, "3.1.0")
    assert "https://" not in told.text


def test_every_route_is_in_the_document_with_its_methods(url: str) -> None:
    document = httpx.get(f"{url}/openapi.json", headers={"api-key": "imw_all"}).json()
    told = {path: set(item) - {"parameters"} for path, item in document["paths"].items()}
    there: dict[str, set[str]] = {}
    for route in create_app(sketch_only()).routes:
        if route.path not in UNTOLD:
            path = _plain(route.path)
            there.setdefault(path, set()).update(m.lower() for m in route.methods if m not in ("OPTIONS", "HEAD"))

    assert told == there


def _plain(path: str) -> str:
    """*path* as the document has it: OpenAI's spelling for those without a version, and with Azure's."""
    path = path.replace(":str}", "}").replace("{name:path}", "{model}").replace("{group}/", "")
    if path.startswith("/openai/deployments/"):
        return path
    for start in ("/openai/v1/", "/openai/", "/"):
        rest = path.removeprefix(start)
        if rest != path and rest.startswith(("images/", "models")):
            return f"/v1/{rest}"
    return path


def test_no_request_that_the_document_allows_or_forbids_crashes_the_gateway(url: str, tmp_path: Path) -> None:
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{url}/openapi.json", "--header", "api-key:imw_all"),
        *("--checks", "not_a_server_error,content_type_conformance,response_schema_conformance,unsupported_method"),
        *("--phases", "examples,coverage,fuzzing", "--max-examples", "8", "--seed", "1", "--no-shrink"),
        *("--suppress-health-check", "all", "--generation-database", "none", "--no-color", "--warnings", "off"),
    ]
    environment: dict[str, Any] = {**os.environ, "SCHEMATHESIS_HOOKS": "", "NO_PROXY": "127.0.0.1"}
    ran = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=300, check=False
    )

    assert ran.returncode == 0, ran.stdout[-6000:] + ran.stderr[-2000:]
    assert "Selected: 10/10" in ran.stdout
