"""A bug in a provider: the caller gets an id, the log a traceback, nobody a prompt or a key."""

import io
import json
from datetime import date

import httpx
from msgspec import Struct

from imageway.contract.request import ImageRequest
from imageway.contract.result import ImageResult
from imageway.gateway.app import create_app
from imageway.gateway.settings import ProviderSettings, Settings
from imageway.gateway.telemetry.logs import logger
from imageway.providers.protocol import ImageProvider, ProviderPlugin
from loopback import serving


class NoConfig(Struct, frozen=True, kw_only=True):
    pass


class Buggy:
    async def create(self, upstream_model: str, request: ImageRequest) -> ImageResult:
        key = "sk-very-secret"
        raise RuntimeError(f"a bug with {len(key)} letters")

    async def aclose(self) -> None:
        return


def build(_: NoConfig) -> ImageProvider:
    return Buggy()


def test_a_bug_is_told_by_its_id_and_logged_without_prompts_or_keys() -> None:
    plugin = ProviderPlugin(config_type=NoConfig, build=build, kind="openai")
    provider = ProviderSettings(name="buggy", type="buggy", plugin=plugin, config=NoConfig())
    log = io.StringIO()

    app = create_app(Settings(providers=(provider,)), log=logger(log), today=lambda: date(2026, 1, 1))
    with serving(app, lifespan="on") as url:
        reply = httpx.post(
            f"{url}/v1/images/generations",
            json={"model": "gpt-image-2", "prompt": "a private matter"},
            headers={"x-request-id": "r1"},
        )

    assert reply.status_code == 500
    assert reply.headers["x-should-retry"] == "false"
    assert reply.json()["error"]["message"] == (
        "Something went wrong in the gateway; its log has the details under r1."
    )
    events = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [event["event"] for event in events] == ["attempt.failed", "request.finished", "request.crashed"]
    assert events[2]["exception"][0]["exc_type"] == "RuntimeError"
    assert "private" not in log.getvalue()
    assert "very-secret" not in log.getvalue()
