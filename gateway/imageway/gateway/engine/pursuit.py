"""One call's way over its targets: whom to ask next, after which wait, and what its caller is told in the end."""

import math
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Self, TypeAlias

from imageway.contract.errors import ErrorCode, ImageError
from imageway.gateway.engine.call import Attempt, Call
from imageway.gateway.engine.events import NextStep
from imageway.gateway.engine.patience import Deadline
from imageway.gateway.engine.policy import may_fall_back, may_retry, verdict_on
from imageway.gateway.engine.traffic import Busy, Lease, Traffic
from imageway.providers.registry import Passage
from imageway.providers.traffic_rules import RetryRules

__all__ = ("Pursuit", "Sleep", "Turn")

Sleep: TypeAlias = Callable[[float], Awaitable[object]]

_FIRST_BACKOFF_S = 0.5
_LONGEST_BACKOFF_S = 8.0


class Turn:
    """A target's turn: at most one upstream call, which is made within `asking`.

    Whoever makes it sets `taken_on` where the caller has been shown something, so that nobody else can be asked. Of an
    upstream call's fault nothing is heard where there is to be another turn.
    """

    def __init__(self, pursuit: "Pursuit", position: int, passage: Passage, lease: Lease) -> None:
        self.position = position
        self.passage = passage
        self.taken_on = False
        self.lease = lease
        self.failed: ImageError | None = None
        self.followed_by: NextStep = "error"
        self._pursuit = pursuit

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        try:
            return isinstance(error, ImageError) and self._pursuit.survives(self, error)
        finally:
            self.lease.give_back()

    def asking(self) -> "Asking":
        """The time of the upstream call. Its end is noted and told, together with what follows."""
        return Asking(self._pursuit, self)


class Asking:
    """See `Turn.asking`."""

    def __init__(self, pursuit: "Pursuit", turn: Turn) -> None:
        self._pursuit = pursuit
        self._turn = turn
        self._attempt = pursuit.call.begun(turn.passage)

    def __enter__(self) -> Attempt:
        return self._attempt

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._pursuit.after(self._turn, error)
        self._pursuit.call.ended(self._attempt, error, self._turn.followed_by)


class Pursuit:
    """The turns of one call. *route* is in the order in which targets are to be asked.

    A round asks each target once. Another round follows, after a wait, for those that may do better then: where one of
    them was asked and said so, and as long as *rules* and *deadline* let it. `doubtful` are the calls of which nobody
    knows whether they were paid for; `answered` says that there is an answer, too.
    """

    def __init__(
        self,
        call: Call,
        route: Sequence[Passage],
        rules: RetryRules,
        traffic: Traffic,
        deadline: Deadline,
        *,
        sleep: Sleep,
        random: Callable[[], float],
    ) -> None:
        self.call = call
        self.doubtful: list[Passage] = []
        self.answered = False
        self._route = route
        self._rules = rules
        self._traffic = traffic
        self._deadline = deadline
        self._sleep = sleep
        self._random = random
        self._ahead = deque(range(len(route)))
        self._later: dict[int, float] = {}
        self._rounds = 1
        self._upcoming: tuple[int, Lease] | None = None
        self._busy: list[Busy] = []
        self._errors: dict[int, ImageError] = {}
        self._pause: float | None = None

    async def turn(self) -> Turn:
        """The next target's turn, to be entered at once. Raises `ImageError` where no target can be asked."""
        position, lease = await self._next()
        return Turn(self, position, self._route[position], lease)

    def survives(self, turn: Turn, error: ImageError) -> bool:
        """For `Turn` alone: whether the call goes on after *error*. Raises what its caller is told instead of it."""
        if error is turn.failed and turn.followed_by != "error":
            return True
        told = self._told() if self._errors.get(turn.position) is error else error
        told.may_have_billed = told.may_have_billed or bool(self.doubtful)
        if told is error:
            return False
        raise told from error

    def close(self) -> None:
        """Give back the place of a turn that is not to come, because the call was cancelled before it."""
        if self._upcoming is not None:
            self._upcoming[1].give_back()

    def after(self, turn: Turn, error: BaseException | None) -> None:
        """For `Turn` alone: note how its upstream call ended, and decide what follows."""
        verdict = verdict_on(error, silent_s=turn.passage.target.breaker.silent_s)
        if isinstance(error, ImageError):
            turn.failed = error
            error.target = turn.passage.target.label
            error.may_have_billed = error.may_have_billed or self.call.images > 0
            if error.may_have_billed:
                self.doubtful.append(turn.passage)
            turn.lease.give_back(verdict, error.code.value, error.retry_after_s)
            if not turn.taken_on:
                turn.followed_by = self._following(turn.position, error)
        else:
            self.answered = error is None
            if error is not None:
                self.doubtful.append(turn.passage)  # its caller left, and the vendor draws or doesn't
            turn.lease.give_back(verdict)
            turn.followed_by = "answer" if error is None else "error"

    def _following(self, position: int, error: ImageError) -> NextStep:
        may_pay_twice = self._rules.may_pay_twice
        if not may_fall_back(error, may_pay_twice=may_pay_twice):
            return "error"
        self._errors.pop(position, None)
        self._errors[position] = error
        if may_retry(error, may_pay_twice=may_pay_twice):
            self._later[position] = error.retry_after_s or 0.0
        if self._deadline.left_s() <= 0:
            return "error"
        self._upcoming = self._pick()
        if self._upcoming is not None:
            return "fallback"
        self._pause = self._pause_s()
        return "error" if self._pause is None else "retry"

    async def _next(self) -> tuple[int, Lease]:
        upcoming = self._upcoming or self._pick()
        while upcoming is None:
            if self._pause is None:
                raise self._told()
            await self._sleep(self._pause)
            self.call.waited_s += self._pause
            self._rounds += 1
            self._ahead, self._later = deque(sorted(self._later)), {}
            upcoming = self._pick()
            self._pause = self._pause_s()
        self._upcoming = None
        return upcoming

    def _pick(self) -> tuple[int, Lease] | None:
        """The next target of this round that can be asked, with a place there."""
        while self._ahead:
            position = self._ahead.popleft()
            target = self._route[position].target
            entered = self._traffic.enter(target, self.call.request.n)
            if isinstance(entered, Lease):
                return position, entered
            self.call.passed_over(target, entered.reason)
            self._busy.append(entered)
            if math.isfinite(entered.wait_s):
                self._later[position] = entered.wait_s
        return None

    def _pause_s(self) -> float | None:
        """How long to wait for another round; None where there is to be none."""
        if self._rounds > self._rules.retries or not self._hopeful():
            return None
        backoff_s = min(_FIRST_BACKOFF_S * 2.0 ** (self._rounds - 1), _LONGEST_BACKOFF_S)
        told_s = min(self._later.values(), default=math.inf)
        pause_s = max(backoff_s * (1 + self._random()) / 2, told_s * (1 + self._random() / 10))
        fits = self.call.waited_s + pause_s <= self._rules.wait_s and pause_s < self._deadline.left_s()
        return pause_s if fits else None

    def _hopeful(self) -> list[ImageError]:
        """How targets ended, each the last time and the latest at the end, where waiting may help."""
        rules = self._rules
        return [each for each in self._errors.values() if may_retry(each, may_pay_twice=rules.may_pay_twice)]

    def _told(self) -> ImageError:
        """What the caller is told when no target is left: what gives the most hope of what the targets said."""
        hopeful = self._hopeful()
        if hopeful:
            return min(reversed(hopeful), key=lambda error: error.retry_after_s or 0.0)
        return [*self._errors.values()][-1] if self._errors else _nobody_asked(self._busy)


def _nobody_asked(busy: list[Busy]) -> ImageError:
    """Why no target could be asked; a model has at least one."""
    passing = [each for each in busy if math.isfinite(each.wait_s)]
    if not passing:
        return ImageError(
            ErrorCode.INVALID_REQUEST,
            "The request asks for more images than any target of this model may draw in a minute.",
            param="n",
            upstream_code="integer_above_max_value",
        )
    wait_s = min(each.wait_s for each in passing)
    if all(each.reason == "breaker" for each in passing):
        return ImageError(
            ErrorCode.UPSTREAM_UNAVAILABLE,
            "Every target of this model has failed repeatedly and is left alone for a while; nothing was sent.",
            retry_after_s=wait_s,
        )
    return ImageError(
        ErrorCode.RATE_LIMITED,
        "Every target of this model is busy, and nothing was sent; try again later.",
        upstream_type="requests",
        upstream_code="rate_limit_exceeded",
        retry_after_s=wait_s,
    )
