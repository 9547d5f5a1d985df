"""Counting that costs next to nothing while it goes on: plain sums, until somebody wants to see the counters."""

from prometheus_client import Counter

__all__ = ("Tally",)


class Tally:
    """Sums for counters, which take a lock for each step and so are given them together. It belongs to one thread."""

    def __init__(self) -> None:
        self._sums: dict[Counter, float] = {}

    def add(self, counter: Counter, amount: float = 1) -> None:
        """Have *counter* count *amount* when it is settled. Raises `OverflowError` where that is no counter's."""
        self._sums[counter] = self._sums.get(counter, 0.0) + amount

    def settle(self) -> None:
        """Give the counters what was added."""
        sums, self._sums = self._sums, {}
        for counter, amount in sums.items():
            counter.inc(amount)
