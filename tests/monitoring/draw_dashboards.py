"""Draws into docs/ what the dashboards show: panels of a real Prometheus beside a gateway under a small load.

    pip install matplotlib; PYTHONPATH=tests python tests/monitoring/draw_dashboards.py

It takes two minutes. Grafana itself isn't needed, and the drawings are none of Grafana's.
"""

import asyncio
import json
import random
import re
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from PIL import Image

from fakes.busy_gateway import configured, one_round
from fakes.upstream import Upstream
from imageway.gateway.app import create_app
from imageway.gateway.settings import load_settings
from imageway.gateway.telemetry.logs import logger
from loopback import serving
from prometheus_server import Prometheus, serving_prometheus

ROOT = Path(__file__).parents[2]
SECONDS = 100
DASHBOARDS = ROOT / "helm/imageway/files/dashboards"
UNITS = {
    "s": "s", "reqps": "per s", "Bps": "bytes/s", "bytes": "bytes", "currencyUSD": "USD", "percentunit": "share",
    "d": "days", "short": "",
}  # fmt: skip


class Slow:
    """An upstream that takes its time, as vendors do."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(random.lognormvariate(-1.2, 0.6))
        await self._upstream(scope, receive, send)


async def ignored(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def load(url: str, upstream: Upstream, until_s: float) -> None:
    with httpx.Client(base_url=url, timeout=30) as client:
        number = 0
        while time.monotonic() < until_s:
            number += 1
            one_round(client, upstream, f"{threading.get_ident()}-{number}")


def draw(prometheus: Prometheus, name: str, file: Path) -> None:
    dashboard = json.loads((DASHBOARDS / f"{name}.json").read_text())
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    columns = 4
    rows = -(-len(panels) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(columns * 4.2, rows * 2.7), squeeze=False)
    for axis in axes.flat[len(panels) :]:
        axis.axis("off")
    for axis, panel in zip(axes.flat, panels, strict=False):
        axis.set_title(panel["title"], fontsize=10, loc="left")
        axis.tick_params(labelsize=7)
        unit = panel["fieldConfig"]["defaults"]["unit"]
        found = [(target, series) for target in panel["targets"] for series in asked(prometheus, target)]
        if panel["type"] == "timeseries":
            lines(axis, found, unit, stacked=panel["fieldConfig"]["defaults"]["custom"]["stacking"]["mode"] == "normal")
        else:
            numbers(axis, found, unit)
    figure.suptitle(f"{dashboard['title']}: the panels' queries, drawn with matplotlib (not Grafana)", fontsize=12)
    figure.tight_layout(rect=(0, 0, 1, 0.98))
    figure.savefig(file, dpi=70)
    plt.close(figure)
    with Image.open(file) as picture:
        picture.convert("RGB").quantize(64).save(file, optimize=True)


def asked(prometheus: Prometheus, target: dict[str, Any]) -> list[dict[str, Any]]:
    expr = target["expr"].replace("$__rate_interval", "15s").replace("$key", ".*").replace("$model", ".*")
    return prometheus.query(expr) if target["instant"] else prometheus.query_range(expr, SECONDS - 5)


def legend(target: dict[str, Any], series: dict[str, Any]) -> str:
    return re.sub(r"{{(\w+)}}", lambda match: series["metric"].get(match[1], ""), target["legendFormat"])


def lines(axis: Axes, found: Sequence[tuple[Any, Any]], unit: str, *, stacked: bool) -> None:
    axis.set_ylabel(UNITS[unit], fontsize=7)
    times = sorted({float(at) for _, series in found for at, _ in series["values"]})
    names = [legend(*each) for each in found]
    if stacked and found:
        known = [{float(at): float(value) for at, value in series["values"]} for _, series in found]
        axis.stackplot(
            [at - times[0] for at in times],
            [[each.get(at, 0) for at in times] for each in known],
            labels=names,
            alpha=0.7,
        )
    else:
        for name, (_, series) in zip(names, found, strict=True):
            points = [(float(at) - times[0], float(value)) for at, value in series["values"]]
            axis.plot(*zip(*points, strict=True), label=name, linewidth=1)
    axis.set_ylim(bottom=0)
    axis.legend(fontsize=6, loc="upper left", framealpha=0.6)


def numbers(axis: Axes, found: Sequence[tuple[Any, Any]], unit: str) -> None:
    axis.axis("off")
    shown = [(legend(*each), float(each[1]["value"][1])) for each in found][:6]
    size = 22 if len(shown) == 1 else 10
    for position, (name, value) in enumerate(shown):
        at = 0.5 if len(shown) == 1 else 0.85 - position * 0.15
        axis.text(0.02, at, f"{value:,.4g} {UNITS[unit]}".strip(), fontsize=size, va="center")
        axis.text(0.98, at, name, fontsize=7, va="center", ha="right")


def main() -> None:
    upstream, folder = Upstream(), Path(tempfile.mkdtemp())
    with serving(Slow(upstream)) as vendor, serving(ignored) as hook:
        app = create_app(load_settings(configured(folder, vendor)), log=logger(level=50))
        with (
            serving(app, lifespan="on") as url,
            serving_prometheus(folder, url.removeprefix("http://"), hook) as prometheus,
        ):
            until_s = time.monotonic() + SECONDS
            callers = [threading.Thread(target=load, args=(url, upstream, until_s)) for _ in range(3)]
            for caller in callers:
                caller.start()
            for caller in callers:
                caller.join()
            for name in ("operation", "cost"):
                draw(prometheus, name, ROOT / f"docs/dashboard-{name}.png")


if __name__ == "__main__":
    main()
