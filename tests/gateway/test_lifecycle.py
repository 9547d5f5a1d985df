"""Shutdown dates against the gateway's clock: told by default, enforced where the configuration says so."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest

from fakes.upstream import Upstream
from imageway.gateway.app import create_app
from imageway.gateway.settings import load_settings
from imageway.gateway.telemetry.logs import logger
from loopback import serving

CONFIG = """
providers:
  - {{name: main, type: openai, base_url: "{url}/v1", api_key: "file:{key}"}}
  - {{name: eu, type: azure, endpoint: "{url}", api_key: "file:{key}"}}
  - {{name: paper, type: sketch}}
models:
  - {{name: gpt-image-1.5, lifecycle: enforce, targets: [{{provider: main, model: gpt-image-1.5}}]}}
  - {{name: pictures, lifecycle: enforce, validation: off, contract: openai/gpt-image-1.5,
      targets: [{{provider: main, model: gpt-image-1.5}}]}}
  - name: either
    contract: openai/gpt-image-1.5
    lifecycle: enforce
    targets: [{{provider: main, model: gpt-image-1.5}}, {{provider: eu, model: gpt-image-1.5}}]
  - {{name: dall-e-3, lifecycle: enforce, targets: [{{provider: paper, model: dall-e-3}}]}}
  - {{name: gpt-image-1, lifecycle: warn, targets: [{{provider: main, model: gpt-image-1}}]}}
  - {{name: elsewhere, contract: openai/gpt-image-1, targets: [{{provider: main, model: gpt-image-1}}]}}
  - {{name: on-paper, contract: openai/dall-e-2, targets: [{{provider: paper, model: dall-e-2}}]}}
  - {{name: gpt-image-2.6-flare, targets: [{{provider: main, model: gpt-image-2.6-flare}}]}}
"""
LAST_DAY, SHUTDOWN_DAY = date(2026, 11, 30), date(2026, 12, 1)


@pytest.fixture
def upstream() -> Iterator[tuple[Upstream, str]]:
    fake = Upstream()
    with serving(fake) as url:
        yield fake, url


class Gateway:
    """The gateway on a given day, and what it logged."""

    def __init__(self, url: str, folder: Path) -> None:
        (folder / "key").write_text("sk-secret\n")
        config = folder / "gateway.yaml"
        config.write_text(CONFIG.format(url=url, key=folder / "key"))
        self._settings = load_settings(config)
        self._log = io.StringIO()

    @contextmanager
    def on(self, *days: date) -> Iterator[httpx.Client]:
        """The first of *days* is that of the start, each other one that of a request."""
        clock = iter(days)
        app = create_app(self._settings, log=logger(self._log), today=lambda: next(clock))
        with serving(app, lifespan="on") as url, httpx.Client(base_url=url) as client:
            yield client

    def logged(self, event: str) -> list[dict[str, Any]]:
        return [entry for entry in map(json.loads, self._log.getvalue().splitlines()) if entry["event"] == event]


@pytest.fixture
def gateway(upstream: tuple[Upstream, str], tmp_path: Path) -> Gateway:
    return Gateway(upstream[1], tmp_path)


def ask(client: httpx.Client, model: str, **fields: Any) -> httpx.Response:
    return client.post("/v1/images/generations", json={"model": model, "prompt": "a red kite", **fields})


def test_an_enforced_date_turns_a_running_gateway_at_midnight(gateway: Gateway, upstream: tuple[Upstream, str]) -> None:
    with gateway.on(LAST_DAY, LAST_DAY, SHUTDOWN_DAY) as client:
        before, after = ask(client, "gpt-image-1.5"), ask(client, "gpt-image-1.5")

    assert (before.status_code, after.status_code) == (200, 400)
    assert before.headers["sunset"] == "Tue, 01 Dec 2026 00:00:00 GMT"
    error = after.json()["error"]
    assert (error["param"], error["type"], error["code"]) == ("model", "image_generation_user_error", "invalid_value")
    assert error["imageway"]["violations"] == [
        {
            "param": "model",
            "message": "The model 'gpt-image-1.5' was shut down by its vendor on 2026-12-01; successors:"
            " gpt-image-2.6-sunburst, gpt-image-2.6-flare.",
            "code": "invalid_value",
            "type": "image_generation_user_error",
            "value": "gpt-image-1.5",
            "allowed": ["gpt-image-2.6-sunburst", "gpt-image-2.6-flare"],
            "accepted_by": ["either", "gpt-image-1", "elsewhere", "on-paper", "gpt-image-2.6-flare"],
        }
    ]
    assert len(upstream[0].requests) == 1


def test_a_model_that_is_gone_is_told_before_its_other_faults(gateway: Gateway) -> None:
    with gateway.on(SHUTDOWN_DAY, SHUTDOWN_DAY) as client:
        reply = ask(client, "gpt-image-1.5", n=11)

    assert [fault["param"] for fault in reply.json()["error"]["imageway"]["violations"]] == ["model", "n"]


def test_validation_off_does_not_turn_the_dates_off(gateway: Gateway, upstream: tuple[Upstream, str]) -> None:
    with gateway.on(LAST_DAY, LAST_DAY, SHUTDOWN_DAY) as client:
        before, after = ask(client, "pictures", seed=1), ask(client, "pictures", seed=1)

    assert (before.status_code, after.status_code) == (200, 400)
    assert after.json()["error"]["message"].startswith(
        "The model 'gpt-image-1.5', which is behind 'pictures' here, was shut down by its vendor on 2026-12-01;"
    )
    assert len(upstream[0].requests) == 1


def test_the_target_that_is_left_serves(gateway: Gateway) -> None:
    with gateway.on(LAST_DAY, LAST_DAY, SHUTDOWN_DAY) as client:
        before, after = ask(client, "either"), ask(client, "either")

    assert [reply.headers["imageway-target"] for reply in (before, after)] == ["main/gpt-image-1.5", "eu/gpt-image-1.5"]
    assert after.headers["sunset"] == "Wed, 16 Jun 2027 00:00:00 GMT"


def test_an_explicit_enforce_holds_for_every_host(gateway: Gateway) -> None:
    with gateway.on(LAST_DAY, LAST_DAY) as client:
        assert ask(client, "dall-e-3").json()["error"]["param"] == "model"


def test_by_default_a_date_that_has_passed_is_only_told(gateway: Gateway, upstream: tuple[Upstream, str]) -> None:
    with gateway.on(SHUTDOWN_DAY, SHUTDOWN_DAY) as client:
        reply = ask(client, "gpt-image-1")

    assert reply.status_code == 200
    assert reply.headers["sunset"] == "Fri, 23 Oct 2026 00:00:00 GMT"
    assert len(upstream[0].requests) == 1


@pytest.mark.parametrize("model", ["elsewhere", "on-paper", "gpt-image-2.6-flare"])
def test_what_has_no_end_has_no_sunset(gateway: Gateway, model: str) -> None:
    with gateway.on(SHUTDOWN_DAY, SHUTDOWN_DAY) as client:
        reply = ask(client, model)

    assert reply.status_code == 200
    assert "sunset" not in reply.headers


@pytest.mark.parametrize(
    ("day", "targets"),
    [
        # 90 days before 2026-12-01, and the day before that; gpt-image-1 ends on 2026-10-23 either way.
        (date(2026, 9, 2), ["main/gpt-image-1.5"] * 3 + ["paper/dall-e-3", "main/gpt-image-1"]),
        (date(2026, 9, 1), ["paper/dall-e-3", "main/gpt-image-1"]),
    ],
)
def test_a_start_up_warns_of_targets_that_end_within_90_days(gateway: Gateway, day: date, targets: list[str]) -> None:
    with gateway.on(day):
        pass

    warned = gateway.logged("model.lifecycle")
    assert [entry["target"] for entry in warned] == targets
    assert {name: warned[-1][name] for name in ("level", "model", "shutdown_date", "lifecycle")} == {
        "level": "warning",
        "model": "gpt-image-1",
        "shutdown_date": "2026-10-23",
        "lifecycle": "warn",
    }
