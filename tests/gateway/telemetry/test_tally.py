"""Sums that wait for the page of metrics."""

import pytest
from prometheus_client import CollectorRegistry, Counter

from imageway.gateway.telemetry.tally import Tally


def test_what_no_counter_can_hold_takes_nothing_else_with_it() -> None:
    """A vendor may say that it used any number of tokens."""
    registry = CollectorRegistry()
    tokens, calls = Counter("tokens", "Tokens.", registry=registry), Counter("calls", "Calls.", registry=registry)
    tally = Tally()

    with pytest.raises(OverflowError):
        tally.add(tokens, 10**400)
    tally.add(calls)
    tally.settle()

    assert (registry.get_sample_value("tokens_total"), registry.get_sample_value("calls_total")) == (0, 1)
