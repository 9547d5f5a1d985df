"""The circuit breaker alone: when it opens, whom it lets through, and when it closes."""

import pytest

from fakes.clock import FakeClock
from imageway.gateway.engine.breaker import Breaker, Verdict
from imageway.gateway.engine.events import BreakerState
from imageway.providers.traffic_rules import BreakerRules

RULES = BreakerRules(failures=3, share=0.5, window_s=60, open_s=10, longest_open_s=25)


class Watched:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.heard: list[tuple[BreakerState, str | None, float]] = []
        self.breaker = Breaker(self.clock, lambda *told: self.heard.append(told))

    def call(self, verdict: Verdict) -> None:
        decides = self.breaker.enter()
        self.breaker.leave(RULES, verdict, "upstream_unavailable", decides=decides)

    def calls(self, *verdicts: Verdict) -> float | None:
        for verdict in verdicts:
            self.call(verdict)
        return self.breaker.wait_s()


@pytest.mark.parametrize(
    ("verdicts", "wait_s"),
    [
        (("fails", "fails"), None),
        (("fails", "fails", "fails"), 10.0),
        (("works", "works", "works", "fails", "fails", "fails"), 10.0),
        (("works", "works", "works", "works", "fails", "fails", "fails"), None),
        (("fails", "fails", "says_nothing", "says_nothing", "says_nothing", "says_nothing", "fails"), 10.0),
        (("says_nothing",) * 9, None),
    ],
)
def test_it_opens_at_enough_failures_that_are_a_large_enough_share(
    verdicts: tuple[Verdict, ...], wait_s: float | None
) -> None:
    assert Watched().calls(*verdicts) == wait_s


def test_failures_of_long_ago_do_not_count() -> None:
    watched = Watched()
    watched.calls("fails", "fails")
    watched.clock.now_s = 60

    assert watched.calls("fails", "fails") is None
    assert watched.calls("fails") == 10


def test_of_many_calls_the_last_two_hundred_count() -> None:
    watched = Watched()

    assert watched.calls(*["works"] * 300, *["fails"] * 99) is None
    assert watched.calls("fails") == 10


def test_one_call_decides_and_others_wait_for_it() -> None:
    watched = Watched()
    watched.calls("fails", "fails", "fails")
    watched.clock.now_s = 9.5
    early = watched.breaker.wait_s(), watched.breaker.may_serve
    watched.clock.now_s = 10
    due = watched.breaker.wait_s(), watched.breaker.may_serve

    decides = watched.breaker.enter()

    assert (early, due, decides) == ((0.5, False), (None, True), True)
    assert (watched.breaker.wait_s(), watched.breaker.may_serve) == (0.0, True)
    watched.breaker.leave(RULES, "works", None, decides=True)
    assert watched.breaker.wait_s() is None
    assert watched.heard == [("open", "upstream_unavailable", 10.0), ("half_open", None, 0.0), ("closed", None, 0.0)]


def test_a_deciding_call_that_says_nothing_leaves_it_to_the_next() -> None:
    watched = Watched()
    watched.calls("fails", "fails", "fails")
    watched.clock.now_s = 10
    watched.call("says_nothing")

    assert watched.breaker.wait_s() is None
    assert watched.breaker.enter() is True


def test_each_failed_trial_doubles_the_time_up_to_the_longest() -> None:
    watched = Watched()
    waits = [watched.calls("fails", "fails", "fails")]
    for _ in range(3):
        watched.clock.now_s += waits[-1] or 0
        waits.append(watched.calls("fails"))

    assert waits == [10, 20, 25, 25]
    watched.clock.now_s += 25
    assert watched.calls("works", "fails", "fails") is None
    assert watched.calls("fails") == 10


def test_calls_that_began_before_it_opened_change_nothing() -> None:
    watched = Watched()
    late = watched.breaker.enter()
    watched.calls("fails", "fails", "fails")

    watched.breaker.leave(RULES, "works", None, decides=late)

    assert watched.breaker.wait_s() == 10
