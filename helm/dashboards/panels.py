"""Panels, rows and dashboards as Grafana's JSON has them: only what these dashboards use."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

__all__ = ("Json", "Panel", "Query", "Row", "dashboard")

Kind: TypeAlias = Literal["timeseries", "stat", "table", "bargauge"]
Json: TypeAlias = dict[str, Any]

_SCHEMA = 39
_WIDTH = 24
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}


class Query(NamedTuple):
    """PromQL, and what its series are called: labels in double braces."""

    expr: str
    legend: str


class Panel(NamedTuple):
    """One panel. `unit` is Grafana's: s, short, reqps, currencyUSD, percentunit, Bps, dateTimeFromNow."""

    title: str
    told: str
    queries: Sequence[Query]
    unit: str = "short"
    kind: Kind = "timeseries"
    width: int = 8
    stacked: bool = False


class Row(NamedTuple):
    title: str
    panels: Sequence[Panel]


def dashboard(uid: str, title: str, told: str, rows: Sequence[Row]) -> Json:
    """A dashboard with *rows*, filtered by key and model."""
    panels: list[Json] = []
    top = 0
    for row in rows:
        panels.append({**_place(len(panels), 0, top, _WIDTH, 1), "type": "row", "title": row.title, "collapsed": False})
        panels[-1]["panels"] = []
        top, left = top + 1, 0
        for panel in row.panels:
            if left + panel.width > _WIDTH:
                top, left = top + 8, 0
            panels.append({**_place(len(panels), left, top, panel.width, 8), **_panel(panel)})
            left += panel.width
        top += 8
    return {
        "uid": uid,
        "title": title,
        "description": told,
        "tags": ["imageway"],
        "schemaVersion": _SCHEMA,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": [_source(), _variable("key"), _variable("model")]},
        "annotations": {"list": []},
        "links": [],
        "panels": panels,
    }


def _panel(panel: Panel) -> Json:
    targets = [
        {
            "refId": chr(ord("A") + position),
            "datasource": _SOURCE,
            "expr": query.expr,
            "legendFormat": query.legend,
            "instant": panel.kind != "timeseries",
            "range": panel.kind == "timeseries",
        }
        for position, query in enumerate(panel.queries)
    ]
    custom: Json = {}
    if panel.kind == "timeseries":
        custom = {"lineWidth": 1, "fillOpacity": 30 if panel.stacked else 8, "showPoints": "never"}
        custom["stacking"] = {"mode": "normal" if panel.stacked else "none", "group": "A"}
    shown: Json = {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.told,
        "datasource": _SOURCE,
        "targets": targets,
        "fieldConfig": {"defaults": {"unit": panel.unit, "custom": custom}, "overrides": []},
        "options": _OPTIONS[panel.kind],
    }
    if panel.kind == "table":
        hidden = {"Time": True, "job": True, "namespace": True}
        shown["transformations"] = [{"id": "organize", "options": {"excludeByName": hidden}}]
    return shown


_REDUCED = {"calcs": ["lastNotNull"], "fields": "", "values": False}
_OPTIONS: dict[Kind, Json] = {
    "timeseries": {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "stat": {"reduceOptions": _REDUCED, "colorMode": "value", "graphMode": "area", "textMode": "auto"},
    "bargauge": {"reduceOptions": _REDUCED, "orientation": "horizontal", "displayMode": "basic"},
    "table": {"showHeader": True, "cellHeight": "sm"},
}


def _place(number: int, left: int, top: int, width: int, height: int) -> Json:
    return {"id": number + 1, "gridPos": {"x": left, "y": top, "w": width, "h": height}}


def _source() -> Json:
    return {"type": "datasource", "name": "datasource", "label": "Prometheus", "query": "prometheus", "hide": 0}


def _variable(label: str) -> Json:
    query = f"label_values(imageway_requests_total, {label})"
    return {
        "type": "query",
        "name": label,
        "label": label.capitalize(),
        "datasource": _SOURCE,
        "query": {"query": query, "refId": label},
        "includeAll": True,
        "multi": True,
        "allValue": ".*",
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        "refresh": 2,
        "sort": 1,
        "hide": 0,
    }
