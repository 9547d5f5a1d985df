"""A real Prometheus beside a live gateway: every expression of the chart is asked there, and an alert arrives."""

import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from fakes.busy_gateway import configured, one_round
from fakes.upstream import Upstream
from imageway.gateway.app import create_app
from imageway.gateway.settings import load_settings
from imageway.gateway.telemetry.logs import logger
from loopback import serving
from prometheus_server import Prometheus, serving_prometheus

FILES = Path(__file__).parents[2] / "helm/imageway/files"
ROUNDS = 4
QUIET_PANELS = {"Stores that failed"}
COMPARISON = re.compile(r"(?<![=!~])(==|[<>])(?!=)(?! bool)")


class Hook:
    """An ASGI application that Alertmanager posts to."""

    def __init__(self) -> None:
        self.alerts: dict[str, dict[str, Any]] = {}
        self.arrived = threading.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            body += message["body"]
            if not message["more_body"]:
                break
        for alert in json.loads(body)["alerts"]:
            self.alerts[alert["labels"]["alertname"]] = alert
        self.arrived.set()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


@dataclass
class Live:
    prometheus: Prometheus
    hook: Hook


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    upstream, hook, folder = Upstream(), Hook(), tmp_path_factory.mktemp("live")
    with serving(upstream) as vendor, serving(hook) as hook_url:
        app = create_app(load_settings(configured(folder, vendor)), log=logger(level=50))
        with (
            serving(app, lifespan="on") as url,
            httpx.Client(base_url=url, timeout=20) as client,
            serving_prometheus(folder, url.removeprefix("http://"), hook_url) as prometheus,
        ):
            for number in range(ROUNDS):
                one_round(client, upstream, str(number))
                prometheus.until(f"count_over_time(imageway_build_info[1m]) >= {2 * (number + 1)}")
            prometheus.until('imageway:errors:ratio_rate1h{job="imageway"} > 0')
            yield Live(prometheus, hook)


def panels() -> list[Any]:
    return [
        pytest.param(panel, id=f"{file.stem}: {panel['title']}")
        for file in sorted((FILES / "dashboards").iterdir())
        for panel in json.loads(file.read_text())["panels"]
        if panel["type"] != "row"
    ]


def rules() -> list[Any]:
    return [
        pytest.param(rule["expr"], id=rule.get("alert") or rule["record"])
        for file in sorted((FILES / "rules").iterdir())
        for group in yaml.safe_load(file.read_text())["groups"]
        for rule in group["rules"]
    ]


def with_variables(expr: str) -> str:
    """*expr* as Grafana asks it, with everything selected."""
    return expr.replace("$__rate_interval", "1m").replace("$key", ".*").replace("$model", ".*")


@pytest.mark.parametrize("panel", panels())
def test_a_panels_queries_have_answers(live: Live, panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        expr = with_variables(target["expr"])
        found = live.prometheus.query(expr) if target["instant"] else live.prometheus.query_range(expr, 60)

        assert found, expr
        names = set(re.findall(r"{{(\w+)}}", target["legendFormat"])) if panel["title"] not in QUIET_PANELS else set()
        assert names <= set(found[0]["metric"]), expr


@pytest.mark.parametrize("expr", rules())
def test_a_rules_expression_has_an_answer_whatever_its_threshold(live: Live, expr: str) -> None:
    """A comparison with `bool` answers 0 or 1 where the one without answers nothing."""
    if "store_failures" in expr:
        expr = f"({expr}) or vector(0)"  # no store fails here; the unit tests make one
    found = live.prometheus.query(COMPARISON.sub(r"\1 bool", expr.replace("absent(", "(")))

    assert found, expr


def test_an_alert_gets_to_whoever_is_on_call(live: Live) -> None:
    while "ImagewayModelHasEnded" not in live.hook.alerts:
        assert live.hook.arrived.wait(timeout=30)
        live.hook.arrived.clear()

    alert = live.hook.alerts["ImagewayModelHasEnded"]
    assert alert["labels"]["severity"] == "critical"
    assert alert["annotations"]["summary"].endswith("which the vendor has shut down")


def test_prometheus_keeps_the_exemplars(live: Live) -> None:
    reply = live.prometheus.exemplars("imageway_request_seconds_bucket")

    assert all(found["exemplars"][0]["labels"]["request_id"].startswith("req_") for found in reply)
    assert reply
