"""Rules for asking targets: how much, when not at all, and how often for one call."""

from typing import Annotated, TypeAlias

from msgspec import Meta, Struct

__all__ = ("BreakerRules", "RetryRules", "TargetLimits")

_Seconds: TypeAlias = Annotated[float, Meta(gt=0, le=86_400)]


class TargetLimits(Struct, frozen=True, kw_only=True):
    """How many calls a target gets at once, and how many calls and pictures in any minute; left out isn't limited."""

    max_in_flight: int | None = None
    requests_per_minute: int | None = None
    images_per_minute: int | None = None


class BreakerRules(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a target isn't asked for a while.

    Its breaker opens where at least `failures` calls of the last `window_s` seconds failed, and these are at least
    `share` of all. It stays open for `open_s`; then one call decides. Each time that this one fails, too, the time
    doubles, up to `longest_open_s`. A call whose caller gave up counts as failed where nothing was heard
    for `silent_s` by then. A vendor who asks to be left alone is, for `longest_rest_s` at most.
    """

    failures: Annotated[int, Meta(ge=1, le=200)] = 5
    share: Annotated[float, Meta(gt=0, le=1)] = 0.5
    window_s: _Seconds = 120.0
    silent_s: _Seconds = 300.0
    open_s: _Seconds = 15.0
    longest_open_s: _Seconds = 300.0
    longest_rest_s: _Seconds = 300.0


class RetryRules(Struct, frozen=True, kw_only=True):
    """How often the targets are asked again where it is known that nobody drew, and waiting may help.

    `wait_s` bounds all waits of a call together. With `may_pay_twice` a call whose end is unknown is sent again as
    well, and perhaps drawn and charged for twice.
    """

    retries: int = 2
    wait_s: float = 20.0
    may_pay_twice: bool = False
