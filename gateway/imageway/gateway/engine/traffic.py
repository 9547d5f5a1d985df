"""What goes on at the targets: calls in flight and in the last minute, rests that vendors asked for, breakers.

It is of this process alone, and keyed by the targets' names, so that it outlives the registry that they come from.
"""

import math
from collections.abc import Callable

from msgspec import Struct

from imageway.gateway.engine.breaker import Breaker, Verdict
from imageway.gateway.engine.events import BreakerChanged, BreakerState, PassReason, TargetRested
from imageway.gateway.engine.minute import Minute
from imageway.gateway.engine.observers import Observers
from imageway.providers.registry import Registry, Target

__all__ = ("Busy", "Lease", "Traffic")

_SHORT_S = 1.0
"""When to come back to a target that is full now, and may be free whenever a call ends."""


class Busy(Struct, frozen=True, kw_only=True):
    """Why a target can't be asked, and for how long; infinite where it could never take the request."""

    reason: PassReason
    wait_s: float


class _State:
    def __init__(self, breaker: Breaker, minute: Minute) -> None:
        self.breaker = breaker
        self.minute = minute
        self.in_flight = 0
        self.rests_until_s = -math.inf


class Lease:
    """A call's place at a target, to be given back once with how it ended."""

    def __init__(self, traffic: "Traffic", target: Target, *, decides: bool) -> None:
        self._traffic = traffic
        self._target = target
        self._decides = decides
        self._held = True

    def give_back(
        self, verdict: Verdict = "says_nothing", code: str | None = None, retry_after_s: float | None = None
    ) -> None:
        """The call ended with *verdict* on the target, by the fault *code*; the vendor may want to be left alone.

        Giving back again does nothing.
        """
        if not self._held:
            return
        self._held = False
        self._traffic.leave(self._target, verdict, code, retry_after_s, decides=self._decides)


class Traffic:
    """Every target's state; models with the same target share it."""

    def __init__(self, observers: Observers, clock_s: Callable[[], float]) -> None:
        self._observers = observers
        self._clock_s = clock_s
        self._states: dict[tuple[str, str], _State] = {}

    def busy(self, target: Target, images: int) -> Busy | None:
        """Why *target* can't take a call for *images* now; None where it can."""
        state, limits = self._state(target), target.limits
        rest_s = state.rests_until_s - self._clock_s()
        if rest_s > 0:
            return Busy(reason="resting", wait_s=rest_s)
        open_s = state.breaker.wait_s()
        if open_s is not None:
            return Busy(reason="breaker", wait_s=open_s or _SHORT_S)
        if limits.max_in_flight is not None and state.in_flight >= limits.max_in_flight:
            return Busy(reason="in_flight", wait_s=_SHORT_S)
        if limits.requests_per_minute is not None:
            wait_s = state.minute.wait_for_call_s(limits.requests_per_minute)
            if wait_s > 0:
                return Busy(reason="requests_per_minute", wait_s=wait_s)
        if limits.images_per_minute is not None:
            fits = images <= limits.images_per_minute
            wait_s = state.minute.wait_for_images_s(images, limits.images_per_minute) if fits else math.inf
            if wait_s > 0:
                return Busy(reason="images_per_minute", wait_s=wait_s)
        return None

    def enter(self, target: Target, images: int) -> Lease | Busy:
        """A place for a call for *images*, or why there is none."""
        busy = self.busy(target, images)
        if busy is not None:
            return busy
        state, limits = self._state(target), target.limits
        state.in_flight += 1
        if limits.requests_per_minute is not None or limits.images_per_minute is not None:
            state.minute.count(images)
        return Lease(self, target, decides=state.breaker.enter())

    def leave(
        self, target: Target, verdict: Verdict, code: str | None, retry_after_s: float | None, *, decides: bool
    ) -> None:
        """For `Lease` alone."""
        state = self._state(target)
        state.in_flight -= 1
        if retry_after_s:
            self._rest(target, state, min(retry_after_s, target.breaker.longest_rest_s))
        state.breaker.leave(target.breaker, verdict, code, decides=decides)

    def unserved(self, registry: Registry) -> tuple[str, ...]:
        """The models of *registry* of whose targets none may be asked: each rests, or its breaker is open."""
        return tuple(model.name for model in registry.models if not any(map(self._may_serve, model.targets)))

    def _may_serve(self, target: Target) -> bool:
        state = self._state(target)
        return state.rests_until_s <= self._clock_s() and state.breaker.may_serve

    def _rest(self, target: Target, state: _State, seconds: float) -> None:
        until_s = self._clock_s() + seconds
        if until_s <= state.rests_until_s:
            return
        state.rests_until_s = until_s
        event = TargetRested(provider=target.provider_name, upstream_model=target.upstream_model, seconds=seconds)
        self._observers.tell(lambda observer: observer.target_rested(event))

    def _state(self, target: Target) -> _State:
        name = (target.provider_name, target.upstream_model)
        state = self._states.get(name)
        if state is None:
            state = self._states[name] = _State(self._breaker(target), Minute(self._clock_s))
        return state

    def _breaker(self, target: Target) -> Breaker:
        provider, upstream_model = target.provider_name, target.upstream_model

        def changed(state: BreakerState, code: str | None, seconds: float) -> None:
            event = BreakerChanged(
                provider=provider, upstream_model=upstream_model, state=state, code=code, seconds=seconds
            )
            self._observers.tell(lambda observer: observer.breaker_changed(event))

        return Breaker(self._clock_s, changed)
