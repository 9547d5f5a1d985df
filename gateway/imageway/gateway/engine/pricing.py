"""What a route may cost and what a call came to; what a free provider draws costs nothing."""

from collections.abc import Iterable
from decimal import Decimal

from msgspec import UnsetType

from imageway.contract.cost import Estimate, cost, estimate
from imageway.contract.result import Usage
from imageway.providers.registry import Passage

__all__ = ("cost_of", "estimate_of", "most_of")

_NOTHING = Estimate(low_usd=Decimal(0), high_usd=Decimal(0), approximate=False)


def estimate_of(route: Iterable[Passage]) -> Estimate | None:
    """From the least of the first target to the most of any that may be asked; None where one of them has no price."""
    first, *others = map(_estimate, route)
    if not others or first is None:
        return first
    known = [first, *(each for each in others if each is not None)]
    if len(known) <= len(others):
        return None
    return Estimate(
        low_usd=first.low_usd,
        high_usd=max(each.high_usd for each in known),
        approximate=any(each.approximate for each in known),
    )


def cost_of(passage: Passage, usage: Usage | UnsetType, images: int) -> Decimal | None:
    """What a call by *passage* came to in USD; None where nobody knows."""
    if passage.target.free:
        return Decimal(0)
    if passage.request.operation not in passage.target.spec.operations:
        return None
    return cost(usage, images, passage.request, passage.target.spec)


def most_of(passages: Iterable[Passage]) -> Decimal:
    """The most that calls by all of *passages* may have come to in USD, as far as they have prices."""
    return sum((found.high_usd for each in passages if (found := _estimate(each)) is not None), Decimal(0))


def _estimate(passage: Passage) -> Estimate | None:
    if passage.target.free:
        return _NOTHING
    if passage.target.unchecked:
        return None  # what nobody checked can't be priced
    return estimate(passage.request, passage.target.spec)
