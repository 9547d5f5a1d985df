"""How calls get to the pods, what pods may call, and what of it Prometheus sees."""

import json

import pytest
import yaml

from helm.chart import CHART, of_kind, one, rendered


def test_metrics_are_on_no_road_that_callers_take() -> None:
    for values in ("azure", "openai", "sketch"):
        manifests = rendered(values)

        assert [port["targetPort"] for port in one(manifests, "Service")["spec"]["ports"]] == ["http"]
        metrics = one(manifests, "Service", "images-imageway-metrics")["spec"]
        assert (metrics["type"], metrics["clusterIP"], metrics["ports"][0]["targetPort"]) == (
            "ClusterIP",
            "None",
            "metrics",
        )


def test_nginx_lets_large_bodies_and_long_calls_through_and_buffers_nothing() -> None:
    ingress = one(rendered("azure", "ingress.annotations=null"), "Ingress")

    assert ingress["metadata"]["annotations"] == {
        "nginx.ingress.kubernetes.io/proxy-body-size": "1000000000",
        "nginx.ingress.kubernetes.io/proxy-read-timeout": "900",
        "nginx.ingress.kubernetes.io/proxy-send-timeout": "900",
        "nginx.ingress.kubernetes.io/proxy-request-buffering": "off",
        "nginx.ingress.kubernetes.io/proxy-buffering": "off",
        "nginx.ingress.kubernetes.io/proxy-next-upstream": "off",
    }


def test_ones_own_annotations_win() -> None:
    annotations = one(rendered("azure"), "Ingress")["metadata"]["annotations"]

    assert annotations["nginx.ingress.kubernetes.io/proxy-buffering"] == "on"


def test_a_route_gives_calls_their_time() -> None:
    [rule] = one(rendered("openai"), "HTTPRoute")["spec"]["rules"]

    assert rule["timeouts"] == {"request": "930s", "backendRequest": "930s"}
    assert rule["backendRefs"] == [{"name": "images-imageway", "port": 80}]


@pytest.mark.parametrize(
    ("settings", "ports"),
    [
        (("config.providers[0].type=sketch",), []),
        (("config.providers[0].type=openai", "config.server.allow_unauthenticated=true"), [443]),
        (
            (
                "config.providers[0].type=openai",
                "config.providers[0].base_url=http://models.images:9000/v1",
                "config.server.allow_unauthenticated=true",
            ),
            [9000],
        ),
        (
            (
                "config.providers[0].type=openai",
                "config.providers[0].base_url=http://[fd00::1]/v1",
                "config.server.allow_unauthenticated=true",
            ),
            [80],
        ),
        (("config.providers[0].type=sketch", "config.traces.endpoint=http://otel.ops:14318/v1/traces"), [14318]),
        (
            (
                "config.providers[0].type=azure",
                "config.providers[0].endpoint=env:AZURE_OPENAI_ENDPOINT",
                "config.server.allow_unauthenticated=true",
            ),
            [443],
        ),
    ],
)
def test_pods_may_call_the_ports_of_their_providers_and_nothing_else(
    settings: tuple[str, ...], ports: list[int]
) -> None:
    policy = one(rendered("sketch", "config.providers[0].name=main", *settings), "NetworkPolicy")["spec"]

    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert [port["port"] for rule in policy["egress"] for port in rule["ports"]] == [53, 53, *ports]
    assert all(
        block["ipBlock"].get("except") == ["169.254.0.0/16"]
        for rule in policy["egress"]
        for block in rule.get("to", [])
        if block["ipBlock"]["cidr"] == "0.0.0.0/0"
    )


def test_who_may_call_and_who_may_read_metrics_is_told_apart() -> None:
    calls, metrics = one(rendered("azure"), "NetworkPolicy")["spec"]["ingress"]

    assert calls["ports"] == [{"port": 8080, "protocol": "TCP"}]
    assert calls["from"][0] == {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress-nginx"}}}
    assert calls["from"][1]["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "test"
    assert metrics == {
        "ports": [{"port": 9090, "protocol": "TCP"}],
        "from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
    }


def test_the_monitor_finds_the_service_of_metrics() -> None:
    manifests = rendered("azure")
    monitor = one(manifests, "ServiceMonitor")

    found = [
        item["metadata"]["name"]
        for item in of_kind(manifests, "Service")
        if monitor["spec"]["selector"]["matchLabels"].items() <= item["metadata"]["labels"].items()
    ]
    assert found == ["images-imageway-metrics"]
    assert monitor["metadata"]["labels"]["release"] == "prometheus"


def test_rules_and_dashboards_get_into_the_cluster_as_they_are() -> None:
    manifests = rendered("azure")
    rules = {item["metadata"]["name"]: item["spec"] for item in of_kind(manifests, "PrometheusRule")}
    dashboards = {
        name: json.loads(text)
        for item in of_kind(manifests, "ConfigMap")
        if item["metadata"]["labels"].get("grafana_dashboard") == "1"
        for name, text in item["data"].items()
    }

    assert rules == {
        f"images-imageway-{path.stem}": yaml.safe_load(path.read_text()) for path in CHART.glob("files/rules/*.yaml")
    }
    assert dashboards == {path.name: json.loads(path.read_text()) for path in CHART.glob("files/dashboards/*.json")}
