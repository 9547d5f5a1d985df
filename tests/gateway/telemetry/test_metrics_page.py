"""The page of metrics against the table in the docs, in both directions; and who gets which format."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_families
from prometheus_client.parser import text_string_to_metric_families

from fakes.busy_gateway import configured, one_round
from fakes.upstream import Upstream
from imageway.gateway.app import create_app
from imageway.gateway.settings import load_settings
from imageway.gateway.telemetry.logs import logger
from loopback import serving

DOCS = Path(__file__).parents[3] / "docs/metrics.md"
OPENMETRICS = "application/openmetrics-text; version=1.0.0"
ROW = re.compile(r"\| `(imageway_\w+)` \| (\w+) \| ([^|]*) \|")
UNREACHED = {"imageway_store_failures_total"}
"""What one round of calls doesn't bring about."""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    upstream = Upstream()
    with serving(upstream) as vendor:
        settings = load_settings(configured(tmp_path_factory.mktemp("busy"), vendor))
        with (
            serving(create_app(settings, log=logger(level=50)), lifespan="on") as url,
            httpx.Client(base_url=url) as client,
        ):
            one_round(client, upstream, "1")
            yield client


def documented() -> dict[str, tuple[str, frozenset[str]]]:
    rows = [ROW.match(line) for line in DOCS.read_text().splitlines()]
    return {row[1]: (row[2], frozenset(re.findall(r"`(\w+)`", row[3]))) for row in rows if row}


def exposed(page: str) -> dict[str, tuple[str, frozenset[str] | None]]:
    """Types and labels by name; None for the labels of what has no samples yet."""
    found: dict[str, tuple[str, frozenset[str] | None]] = {}
    for family in text_string_to_metric_families(page):
        if family.name.startswith("imageway_") and not family.name.endswith("_created"):
            name = family.name + ("_total" if family.type == "counter" else "")
            labels = [frozenset(sample.labels) - {"le"} for sample in family.samples]
            assert len(set(labels)) <= 1, name
            found[name] = (family.type, labels[0] if labels else None)
    return found


def test_the_table_in_the_docs_is_what_the_page_exposes(client: httpx.Client) -> None:
    told, shown = documented(), exposed(client.get("/metrics").text)

    assert {name for name, (_, labels) in shown.items() if labels is None} == UNREACHED
    assert {name: (kind, told[name][1] if labels is None else labels) for name, (kind, labels) in shown.items()} == told


def test_prometheus_gets_exemplars_with_the_requests_id(client: httpx.Client) -> None:
    reply = client.get("/metrics", headers={"accept": f"{OPENMETRICS},text/plain;version=0.0.4;q=0.5"})

    assert reply.headers["content-type"].startswith(OPENMETRICS)
    [family] = [family for family in open_families(reply.text) if family.name == "imageway_request_seconds"]
    ids = [sample.exemplar.labels["request_id"] for sample in family.samples if sample.exemplar]
    assert ids
    assert all(id_.startswith("req_") for id_ in ids)


def test_others_get_plain_text_without_exemplars(client: httpx.Client) -> None:
    reply = client.get("/metrics", headers={"accept": "*/*"})

    assert reply.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "req_" not in reply.text


def samples(client: httpx.Client, name: str) -> dict[tuple[str, ...], float]:
    """The samples of *name* by the values of their labels, in the order of the labels' names."""
    return {
        tuple(value for _, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(client.get("/metrics").text)
        for sample in family.samples
        if sample.name == name
    }


def test_what_is_counted_is_what_happened(client: httpx.Client) -> None:
    assert samples(client, "imageway_tokens_total") == {
        ("input", "team-a", "image", "gpt-image-1"): 120,
        ("input", "team-a", "text", "gpt-image-1"): 180,
        ("output", "team-a", "image", "gpt-image-1"): 990,
        ("output", "team-a", "text", "gpt-image-1"): 10,
        ("output", "team-a", "unspecified", "gpt-image-1"): 2000,
    }
    assert samples(client, "imageway_keyed_calls_total") == {
        ("drawn",): 1,
        ("joined",): 0,
        ("replayed",): 1,
        ("conflict",): 1,
        ("unknown",): 1,
        ("failed",): 1,
        ("cancelled",): 0,
    }
    assert samples(client, "imageway_limit_refusals_total") == {
        ("poor", "budget"): 1,
        ("slow", "requests_per_minute"): 1,
    }
    assert samples(client, "imageway_violations_total") == {("invalid_value", "gpt-image-1", "size"): 1}
    assert samples(client, "imageway_budget_usd") == {
        ("team-a", "day"): 50,
        ("team-a", "month"): 500,
        ("poor", "day"): 0.001,
    }
    left = samples(client, "imageway_budget_left_usd")
    assert left[("poor", "day")] == 0.001
    assert 49 < left[("team-a", "day")] < 50
    assert samples(client, "imageway_model_shutdown_timestamp_seconds") == {
        ("gpt-image-1", "main", "gpt-image-1"): 1_792_713_600,
        ("gpt-image-1", "spare", "gpt-image-1"): 1_792_713_600,
    }
    assert samples(client, "imageway_calls_in_flight") == {(): 0}
    assert samples(client, "imageway_bytes_in_flight") == {(): 0}
    assert samples(client, "imageway_received_bytes_total")[("edit",)] > 300


def test_callers_words_never_become_labels(client: httpx.Client) -> None:
    client.post(
        "/v1/images/generations",
        json={"model": "gpt-image-1", "prompt": "x", "wurst[3]": 1},
        headers={"authorization": "Bearer team_a", "x-request-id": "x" * 128},
    )

    page = client.get("/metrics", headers={"accept": OPENMETRICS}).text
    assert "wurst" not in page
    assert "a-callers-own-words" not in page
    assert "x" * 128 not in page
    assert 'param="other"' in page
