"""`?dry_run=true`: what would become of a request, without sending or counting anything."""

from typing import Any

import msgspec
from msgspec import Struct

from imageway.contract.cost import Estimate
from imageway.contract.errors import ImageError, UnsupportedError, Violation
from imageway.contract.request import ImageRequest
from imageway.gateway.access.callers import Caller
from imageway.gateway.engine.engine import Engine, Prospect
from imageway.gateway.engine.events import PassReason

__all__ = ("foreseen",)


class _Prospect(Struct, frozen=True, kw_only=True):
    """A target, and why it couldn't be asked now; equal priorities share calls by weight."""

    target: str
    priority: int
    weight: int
    busy: PassReason | None


class _DryRun(Struct, frozen=True, kw_only=True):
    would_send: bool
    object: str = "imageway.dry_run"
    message: str | None = None
    violations: tuple[Violation, ...] = ()
    accepted_by: tuple[str, ...] = ()
    target: str | None = None
    targets: tuple[_Prospect, ...] = ()
    translated: tuple[str, ...] = ()
    params: dict[str, Any] | None = None
    cost: Estimate | None = None


def foreseen(engine: Engine, request: ImageRequest, caller: Caller) -> bytes:
    """What *engine* would do with *request*, as JSON: every violation, or the targets in order, and what the
    first that isn't busy would get.
    """
    try:
        foresight = engine.foresee(request, caller=caller)
    except UnsupportedError as error:
        told = _DryRun(
            would_send=False, message=error.message, violations=error.violations, accepted_by=error.accepted_by
        )
    except ImageError as error:
        told = _DryRun(would_send=False, message=error.message)
    else:
        passage = foresight.first
        told = _DryRun(
            would_send=True,
            target=passage.target.label,
            targets=tuple(map(_prospect, foresight.prospects)),
            translated=passage.rules,
            params={"model": passage.target.upstream_model, **passage.request.params},
            cost=foresight.estimate,
        )
    return msgspec.json.encode(told)


def _prospect(prospect: Prospect) -> _Prospect:
    target = prospect.passage.target
    busy = None if prospect.busy is None else prospect.busy.reason
    return _Prospect(target=target.label, priority=target.priority, weight=target.weight, busy=busy)
