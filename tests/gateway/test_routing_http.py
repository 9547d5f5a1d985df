"""What a vendor does, and what comes of it: whom the gateway asks, how long it waits, and what the caller is told."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from fakes.clock import FakeClock
from fakes.holding import HoldingUpstream
from fakes.upstream import Reply, Upstream, drawn, failed, streamed
from gateway_log import Log
from imageway.gateway.app import create_app
from imageway.gateway.settings import load_settings
from imageway.gateway.telemetry.logs import logger
from loopback import serving

CONFIG = """
server: {{max_call_s: 600}}
providers:
  - {{name: a, type: openai, base_url: "{url}/a/v1", api_key: "file:{key}"}}
  - {{name: b, type: openai, base_url: "{url}/b/v1", api_key: "file:{key}"}}
  - {{name: down, type: openai, base_url: "http://127.0.0.1:1/v1", api_key: "file:{key}"}}
models:
  - {{name: both, contract: openai/gpt-image-2, targets: [{a}, {b}]}}
  - {{name: one, contract: openai/gpt-image-2, targets: [{a}]}}
  - {{name: unreachable, contract: openai/gpt-image-2, targets: [{down}]}}
  - {{name: rescued, contract: openai/gpt-image-2, targets: [{down}, {b}]}}
  - {{name: careless, contract: openai/gpt-image-2, targets: [{a}, {b}], may_pay_twice: true}}
  - {{name: quick, contract: openai/gpt-image-2, targets: [{a}], retries: 0}}
"""
A, B = "/a/v1/images/generations", "/b/v1/images/generations"
COMPLETED = {"b64_json": "AA==", "created_at": 1, "size": "auto", "quality": "low", "background": "auto"}


def target(provider: str, **options: object) -> str:
    keys = {"provider": provider, "model": "m", "spec": "openai/gpt-image-2", **options}
    return "{" + ", ".join(f"{name}: {value}" for name, value in keys.items()) + "}"


class Gateway(NamedTuple):
    client: httpx.Client
    upstream: Upstream
    clock: FakeClock
    log: Log

    def draw(self, model: str, headers: dict[str, str] | None = None, **params: Any) -> httpx.Response:
        fields = {"model": model, "prompt": "x", **params}
        return self.client.post("/v1/images/generations", json=fields, headers=headers or {})

    def asked(self) -> list[str]:
        """The paths that were asked since the last time."""
        paths = [request.path for request in self.upstream.requests]
        self.upstream.requests.clear()
        return paths


@contextmanager
def gateway_of(
    folder: Path, config: str, draw: float = 0.5, held_a: HoldingUpstream | None = None
) -> Iterator[Gateway]:
    """A gateway with `{a}`, `{b}` and `{down}` for targets in *config*. Chance always says *draw*."""
    (folder / "key").write_text("sk-secret\n")
    upstream, clock, log = Upstream(), FakeClock(), Log()

    async def service(scope: Any, receive: Any, send: Any) -> None:
        vendor = held_a if held_a is not None and scope["path"].startswith("/a/") else upstream
        await vendor(scope, receive, send)

    with serving(service) as vendor:
        targets = {name: target(name) for name in ("a", "b", "down")}
        (folder / "gateway.yaml").write_text(config.format(url=vendor, key=folder / "key", **targets))
        settings = load_settings(folder / "gateway.yaml")
        app = create_app(settings, log=logger(log), clock_s=clock, sleep=clock.sleep, draw=lambda: draw)
        with serving(app, lifespan="on") as url, httpx.Client(base_url=url, timeout=30) as client:
            yield Gateway(client, upstream, clock, log)


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    with gateway_of(tmp_path, CONFIG) as gateway:
        yield gateway


class Row(NamedTuple):
    """The vendor's *replies* in turn, and what comes of them; a `Reply` more than is listed is a picture."""

    model: str
    replies: list[Reply]
    asked: list[str]
    status: int
    slept: list[float] = []  # noqa: RUF012  # never changed
    code: str | None = None
    should_retry: str | None = None
    retry_after: str | None = None
    billed: bool = False


THROTTLED = failed(429, "rate_limit_exceeded", retry_after="4")
THROTTLED_LONG = failed(429, "rate_limit_exceeded", retry_after="60")
UNTIMED = failed(429, "rate_limit_exceeded")
OVERLOADED = failed(503, "server_is_overloaded")
BROKEN = failed(500, "server_error")
NO_KEY = failed(401, "invalid_api_key")
NO_MONEY = failed(429, "insufficient_quota", retry_after="1")
REFUSED = failed(400, "moderation_blocked", "no", "image_generation_user_error")
WRONG = failed(400, "invalid_value", "no", "invalid_request_error")
GONE = failed(404, "model_not_found")
EMPTY = Reply(body={"created": 1, "data": []})
BROKEN_OFF = Reply(chunks=(b"{",), breaks=True)

ROWS: dict[str, Row] = {
    "a picture": Row("both", [], [A], 200),
    "throttled, then the next target": Row("both", [THROTTLED], [A, B], 200),
    "throttled, and nobody else": Row("one", [THROTTLED], [A, A], 200, [4.2]),
    "throttled all round": Row("both", [THROTTLED, failed(429, None, retry_after="2")], [A, B, B], 200, [2.1]),
    "throttled for ever": Row("one", [THROTTLED] * 9, [A, A, A], 429, [4.2, 4.2], code="rate_limited", retry_after="4"),
    "throttled for longer than callers are held": Row(
        "one", [THROTTLED_LONG], [A], 429, code="rate_limited", retry_after="60"
    ),
    "throttled without a word on how long": Row("one", [UNTIMED], [A], 429, code="rate_limited"),
    "throttled without a word, then the next target": Row("both", [UNTIMED], [A, B], 200),
    "throttled, and the model has no retries": Row(
        "quick", [THROTTLED], [A], 429, code="rate_limited", retry_after="4"
    ),
    "overloaded, then the next target": Row("both", [OVERLOADED], [A, B], 200),
    "overloaded, and nobody else": Row("one", [OVERLOADED], [A, A], 200, [0.375]),
    "overloaded for ever": Row("one", [OVERLOADED] * 9, [A, A, A], 502, [0.375, 0.75], code="upstream_unavailable"),
    "unreachable, then the next target": Row("rescued", [], [B], 200),
    "unreachable, and nobody else": Row("unreachable", [], [], 502, [0.375, 0.75], code="upstream_unavailable"),
    "a 500": Row("both", [BROKEN], [A], 502, code="upstream_unavailable", should_retry="false", billed=True),
    "an empty answer": Row("both", [EMPTY], [A], 502, code="upstream_unavailable", should_retry="false", billed=True),
    "a connection that breaks": Row(
        "both", [BROKEN_OFF], [A], 502, code="upstream_unavailable", should_retry="false", billed=True
    ),
    "a 500 where it may be paid twice": Row("careless", [BROKEN], [A, B], 200),
    "500s where it may be paid twice": Row(
        "careless",
        [BROKEN] * 9,
        [A, B, A, B, A, B],
        502,
        [0.375, 0.75],
        code="upstream_unavailable",
        should_retry="false",
        billed=True,
    ),
    "refused content where it may be paid twice": Row("careless", [REFUSED], [A], 400, code="content_rejected"),
    "a 500, then refused content, where it may be paid twice": Row(
        "careless", [BROKEN, REFUSED], [A, B], 400, code="content_rejected", should_retry="false", billed=True
    ),
    "refused content": Row("both", [REFUSED], [A], 400, code="content_rejected"),
    "a refused parameter": Row("both", [WRONG], [A], 400, code="invalid_request"),
    "a refused key, then the next target": Row("both", [NO_KEY], [A, B], 200),
    "a refused key, and nobody else": Row("one", [NO_KEY], [A], 502, code="upstream_auth", should_retry="false"),
    "an empty account, then the next target": Row("both", [NO_MONEY], [A, B], 200),
    "an empty account, and nobody else": Row("one", [NO_MONEY], [A], 502, code="upstream_auth", should_retry="false"),
    "a model that isn't there": Row("one", [GONE], [A], 502, code="upstream_unavailable", should_retry="false"),
    "throttled, then a refused key: waiting helps": Row("both", [THROTTLED, NO_KEY], [A, B, A], 200, [4.2]),
    "throttled for long, then a refused key": Row(
        "both", [THROTTLED_LONG, NO_KEY], [A, B], 429, code="rate_limited", retry_after="60"
    ),
}

UNHEARD = {"unreachable": 3, "rescued": 1}
"""Attempts that no vendor hears of, because nobody is there."""


@pytest.mark.parametrize("case", ROWS)
def test_nothing_is_sent_again_but_what_surely_cost_nothing(gateway: Gateway, case: str) -> None:
    row = ROWS[case]
    gateway.upstream.replies.extend(row.replies)

    reply = gateway.draw(row.model)

    told = {} if reply.status_code == 200 else reply.json()["error"]["imageway"]
    assert row == Row(
        row.model,
        row.replies,
        gateway.asked(),
        reply.status_code,
        [round(seconds, 6) for seconds in gateway.clock.slept],
        told.get("code"),
        reply.headers.get("x-should-retry"),
        reply.headers.get("retry-after"),
        told.get("may_have_billed", False),
    )
    assert reply.headers["imageway-attempts"] == str(len(row.asked) + UNHEARD.get(row.model, 0))


@pytest.mark.parametrize("case", [name for name, row in ROWS.items() if row.status == 200])
def test_a_stream_that_nobody_took_on_goes_the_same_way(gateway: Gateway, case: str) -> None:
    row = ROWS[case]
    gateway.upstream.replies.extend([*row.replies, streamed(("image_generation.completed", COMPLETED))])

    reply = gateway.draw(row.model, stream=True)

    assert (reply.status_code, gateway.asked()) == (200, row.asked)
    assert reply.text.startswith("event: image_generation.completed")


def test_a_stream_that_was_taken_on_is_not_asked_for_elsewhere(gateway: Gateway) -> None:
    error = {"error": {"type": "x", "code": "server_is_overloaded", "message": "busy", "param": None}}
    gateway.upstream.replies.append(streamed(("error", error)))

    reply = gateway.draw("both", stream=True)

    assert (reply.status_code, gateway.asked()) == (200, [A])
    assert reply.text.startswith("event: error")


def test_a_vendor_who_wants_to_be_left_alone_is_by_every_caller(gateway: Gateway) -> None:
    gateway.upstream.replies.append(THROTTLED_LONG)
    gateway.draw("both")
    gateway.asked()

    second, other = gateway.draw("both"), gateway.draw("one")

    assert (second.status_code, second.headers["imageway-attempts"]) == (200, "1")
    assert (other.status_code, other.headers["retry-after"]) == (429, "60")
    assert "x-should-retry" not in other.headers
    assert other.json()["error"] == {
        "message": "Every target of this model is busy, and nothing was sent; try again later.",
        "type": "requests",
        "param": None,
        "code": "rate_limit_exceeded",
        "imageway": {"code": "rate_limited", "request_id": other.headers["x-request-id"]},
    }
    assert gateway.asked() == [B]
    gateway.clock.now_s += 59.9
    assert gateway.draw("one").status_code == 429
    gateway.clock.now_s += 0.2
    assert (gateway.draw("one").status_code, gateway.asked()) == (200, [A])


def test_a_vendor_is_left_alone_no_longer_than_the_configuration_lets_it(gateway: Gateway) -> None:
    gateway.upstream.replies.append(failed(429, "rate_limit_exceeded", retry_after="80000"))

    first = gateway.draw("quick")
    gateway.clock.now_s += 299.9
    early = gateway.draw("quick")
    gateway.clock.now_s += 0.2

    assert (first.headers["retry-after"], early.status_code) == ("80000", 429)
    assert gateway.draw("quick").status_code == 200


def test_a_target_that_keeps_failing_is_left_alone_until_one_call_has_shown_that_it_works(gateway: Gateway) -> None:
    gateway.upstream.replies.extend([BROKEN] * 5)
    failures = [gateway.draw("one").status_code for _ in range(5)]
    asked = gateway.asked()

    refused = gateway.draw("one")

    assert (failures, asked) == ([502] * 5, [A] * 5)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "15")
    assert refused.json()["error"]["message"] == (
        "Every target of this model has failed repeatedly and is left alone for a while; nothing was sent."
    )
    assert gateway.draw("both").headers["imageway-target"] == "b/m"
    assert gateway.asked() == [B]
    gateway.clock.now_s += 15
    assert (gateway.draw("one").status_code, gateway.draw("one").status_code) == (200, 200)
    changes = [
        line for line in map(json.loads, gateway.log.getvalue().splitlines()) if line["event"] == "breaker.changed"
    ]
    assert [(line["state"], line["code"], line["open_seconds"], line["level"]) for line in changes] == [
        ("open", "upstream_unavailable", 15, "warning"),
        ("half_open", None, 0, "info"),
        ("closed", None, 0, "info"),
    ]


def test_a_target_that_fails_its_trial_is_left_alone_for_twice_as_long(gateway: Gateway) -> None:
    gateway.upstream.replies.extend([BROKEN] * 6)
    for _ in range(5):
        gateway.draw("one")
    gateway.clock.now_s += 15
    trial = gateway.draw("one").status_code
    gateway.clock.now_s += 29

    early = gateway.draw("one")

    assert (trial, early.status_code, early.headers["retry-after"]) == (502, 503, "1")
    gateway.clock.now_s += 1
    assert gateway.draw("one").status_code == 200


@pytest.mark.parametrize("fault", [REFUSED, WRONG, failed(413, None), THROTTLED])
def test_the_faults_of_callers_are_not_the_targets(gateway: Gateway, fault: Reply) -> None:
    gateway.upstream.replies.extend([fault] * 10)
    for _ in range(10):
        gateway.draw("quick")
        gateway.clock.now_s += 5

    assert gateway.draw("quick").status_code == 200
    assert gateway.client.get("/readyz").status_code == 200


def test_readiness_names_the_models_that_nobody_can_draw(gateway: Gateway) -> None:
    before = gateway.client.get("/readyz")
    gateway.upstream.replies.append(THROTTLED_LONG)
    gateway.draw("one")
    asked = gateway.asked()

    after = gateway.client.get("/readyz")

    assert (before.status_code, before.text) == (200, "ready\n")
    assert (after.status_code, after.text) == (503, "no target can serve: one, quick\n")
    assert gateway.client.get("/healthz").status_code == 200
    assert (asked, gateway.asked()) == ([A], [])
    gateway.clock.now_s += 61
    assert gateway.client.get("/readyz").status_code == 200


def test_a_gateway_that_any_model_makes_ready_is_so_until_none_can_be_drawn(tmp_path: Path) -> None:
    config = "server: {{ready_when: any_model}}" + LIMITED + model("m", target("a")) + model("n", target("b"))
    with gateway_of(tmp_path, config) as gateway:
        gateway.upstream.replies.extend((THROTTLED_LONG, THROTTLED_LONG))

        told = [gateway.client.get("/readyz")]
        for name in ("m", "n"):
            gateway.draw(name)
            told.append(gateway.client.get("/readyz"))

    assert [(answer.status_code, answer.text) for answer in told] == [
        (200, "ready\n"),
        (200, "ready, but no target can serve: m\n"),
        (503, "no target can serve: m, n\n"),
    ]


LIMITED = """
providers:
  - {{name: a, type: openai, base_url: "{url}/a/v1", api_key: "file:{key}"}}
  - {{name: b, type: openai, base_url: "{url}/b/v1", api_key: "file:{key}"}}
models:
"""


def model(name: str, *targets: str, **options: object) -> str:
    # Doubled, because the file is a format string.
    keys = {"name": name, "contract": "openai/gpt-image-2", "targets": f"[{', '.join(targets)}]", **options}
    line = "  - {" + ", ".join(f"{key}: {value}" for key, value in keys.items()) + "}\n"
    return line.replace("{", "{{").replace("}", "}}")


def test_a_target_that_had_its_calls_of_the_minute_is_passed_over(tmp_path: Path) -> None:
    config = LIMITED + model("m", target("a", requests_per_minute=2), target("b", requests_per_minute=1))
    with gateway_of(tmp_path, config) as gateway:
        served = [gateway.draw("m").headers["imageway-target"] for _ in range(3)]
        gateway.clock.now_s += 20

        full = gateway.draw("m")

        assert served == ["a/m", "a/m", "b/m"]
        assert (full.status_code, full.headers["retry-after"]) == (429, "40")
        assert gateway.asked() == [A, A, B]
        gateway.clock.now_s += 40
        assert gateway.draw("m").headers["imageway-target"] == "a/m"


def test_a_target_that_had_its_pictures_of_the_minute_is_passed_over(tmp_path: Path) -> None:
    config = LIMITED + model("m", target("a", images_per_minute=5), target("b", images_per_minute=4))
    with gateway_of(tmp_path, config) as gateway:
        gateway.upstream.replies.extend([drawn(*[b"x"] * 3)] * 3)
        served = [gateway.draw("m", n=3).headers["imageway-target"] for _ in range(2)]

        too_many, never = gateway.draw("m", n=5), gateway.draw("m", n=6)

        assert served == ["a/m", "b/m"]
        assert (too_many.status_code, too_many.headers["retry-after"]) == (429, "60")
        assert (never.status_code, never.json()["error"]["param"]) == (400, "n")
        assert never.json()["error"]["message"] == (
            "The request asks for more images than any target of this model may draw in a minute."
        )
        assert gateway.draw("m", n=2).headers["imageway-target"] == "a/m"


def test_a_target_with_as_many_calls_as_it_may_have_is_passed_over(tmp_path: Path) -> None:
    config = (
        LIMITED + model("m", target("a", max_in_flight=1)) + model("both", target("a", max_in_flight=1), target("b"))
    )
    held = HoldingUpstream()
    with gateway_of(tmp_path, config, held_a=held) as gateway, ThreadPoolExecutor() as threads:
        first = threads.submit(gateway.draw, "m")
        held.arrived(1)

        full, elsewhere = gateway.draw("m"), gateway.draw("both")
        held.release()

        assert (full.status_code, full.headers["retry-after"]) == (429, "1")
        assert elsewhere.headers["imageway-target"] == "b/m"
        assert (first.result().status_code, gateway.draw("m").status_code) == (200, 200)


def test_a_dry_run_tells_the_usual_order(tmp_path: Path) -> None:
    config = LIMITED + model("m", target("a", priority=1), target("b", priority=1, weight=3))
    with gateway_of(tmp_path, config) as gateway:
        told = gateway.client.post("/v1/images/generations?dry_run=true", json={"model": "m", "prompt": "x"}).json()

    assert (told["target"], told["targets"]) == (
        "b/m",
        [
            {"target": "b/m", "priority": 1, "weight": 3, "busy": None},
            {"target": "a/m", "priority": 1, "weight": 1, "busy": None},
        ],
    )


def test_a_dry_run_passes_over_a_target_that_rests(gateway: Gateway) -> None:
    gateway.upstream.replies.append(THROTTLED_LONG)
    gateway.draw("both")

    told = gateway.client.post("/v1/images/generations?dry_run=true", json={"model": "both", "prompt": "x"}).json()

    assert told["target"] == "b/m"
    assert [target["busy"] for target in told["targets"]] == ["resting", None]
