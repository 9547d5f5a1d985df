"""A circuit breaker: a target that keeps failing isn't asked, until one call has shown that it works again."""

from collections import deque
from collections.abc import Callable
from typing import Literal, TypeAlias

from imageway.gateway.engine.events import BreakerState
from imageway.providers.traffic_rules import BreakerRules

__all__ = ("Breaker", "Verdict")

Verdict: TypeAlias = Literal["works", "fails", "says_nothing"]
"""What a call's end tells of its target. The faults of callers, and of the gateway, say nothing."""

_MOST_REMEMBERED = 200


class Breaker:
    """One target's. `changed` hears each new state, the fault that opened it, and for how many seconds it is open.

    Rules come with each step, because they may change while the target stays the same.
    """

    def __init__(
        self, clock_s: Callable[[], float], changed: Callable[[BreakerState, str | None, float], None]
    ) -> None:
        self._clock_s = clock_s
        self._changed = changed
        self._state: BreakerState = "closed"
        self._ends: deque[tuple[float, bool]] = deque()
        self._failures = 0
        self._opened_in_a_row = 0
        self._open_until_s = 0.0
        self._probing = False

    def wait_s(self) -> float | None:
        """How long no call may pass; None where one may now. 0 while another call decides, however long that takes."""
        match self._state:
            case "closed":
                return None
            case "open":
                left_s = self._open_until_s - self._clock_s()
                return left_s if left_s > 0 else None
            case "half_open":
                return 0.0 if self._probing else None

    @property
    def may_serve(self) -> bool:
        """Whether the target serves, or is due to show that it does."""
        return self._state != "open" or self.wait_s() is None

    def enter(self) -> bool:
        """Let a call pass, which must be due. Whether it is the one that decides."""
        if self._state == "open":
            self._turn("half_open")
        self._probing = self._state == "half_open"
        return self._probing

    def leave(self, rules: BreakerRules, verdict: Verdict, code: str | None, *, decides: bool) -> None:
        """Hear how a call ended that was let pass; *code* names its fault."""
        if decides:
            self._probing = False
        if verdict == "says_nothing":
            return
        if self._state == "closed":
            self._remember(rules, code, failed=verdict == "fails")
        elif decides and verdict == "fails":
            self._open(rules, code)
        elif decides:
            self._opened_in_a_row = 0
            self._ends.clear()
            self._failures = 0
            self._turn("closed")

    def _remember(self, rules: BreakerRules, code: str | None, *, failed: bool) -> None:
        now_s = self._clock_s()
        self._ends.append((now_s, failed))
        self._failures += failed
        while self._ends[0][0] <= now_s - rules.window_s or len(self._ends) > _MOST_REMEMBERED:
            self._failures -= self._ends.popleft()[1]
        if failed and self._failures >= max(rules.failures, rules.share * len(self._ends)):
            self._open(rules, code)

    def _open(self, rules: BreakerRules, code: str | None) -> None:
        open_s = min(rules.open_s * 2.0**self._opened_in_a_row, rules.longest_open_s)
        self._opened_in_a_row = min(self._opened_in_a_row + 1, 32)
        self._open_until_s = self._clock_s() + open_s
        self._turn("open", code, open_s)

    def _turn(self, state: BreakerState, code: str | None = None, seconds: float = 0.0) -> None:
        self._state = state
        self._changed(state, code, seconds)
