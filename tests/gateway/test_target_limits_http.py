"""Targets that may have only so many calls or pictures, and what dry runs say of targets."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fakes.holding import HoldingUpstream
from fakes.routed import CONFIG, LIMITED, THROTTLED_LONG, A, B, Gateway, gateway_of, model, target
from fakes.upstream import drawn


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    with gateway_of(tmp_path, CONFIG) as gateway:
        yield gateway


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
