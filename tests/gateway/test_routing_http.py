"""What a vendor does, and what comes of it: whom the gateway asks, how long it waits, and what the caller is told."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from fakes.routed import COMPLETED, CONFIG, LIMITED, THROTTLED_LONG, A, B, Gateway, gateway_of, model, target
from fakes.upstream import Reply, failed, streamed


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
