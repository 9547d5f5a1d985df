"""What keys have spent, in micro-USD: reserved before a call, settled after it, kept over restarts.

A call whose end is unknown, and one that the process didn't live to settle, stays counted with what was reserved.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from imageway.contract.errors import ErrorCode, ImageError

__all__ = ("BudgetStore", "Period", "budgets_unusable", "periods_at")


class Period(Struct, frozen=True, kw_only=True):
    """A UTC day (`2026-11-24`) or month (`2026-11`) of a key, and the limit in it."""

    key: str
    name: str
    limit_micro_usd: int


def periods_at(
    now: datetime, key: str, *, day_micro_usd: int | None, month_micro_usd: int | None
) -> tuple[Period, ...]:
    """The periods that *now* (UTC) falls into, for those limits that there are."""
    limits = ((f"{now:%Y-%m-%d}", day_micro_usd), (f"{now:%Y-%m}", month_micro_usd))
    return tuple(Period(key=key, name=name, limit_micro_usd=limit) for name, limit in limits if limit is not None)


class BudgetStore(Protocol):
    """Sums by key and period. Every method raises `ImageError` (upstream_unavailable) where the store can't be used."""

    async def reserve(self, periods: Sequence[Period], micro_usd: int) -> Period | None:
        """Count *micro_usd* in all *periods*, or in none and give the first that it doesn't fit into."""
        ...

    async def settle(self, periods: Sequence[Period], difference_micro_usd: int) -> None:
        """Correct what was reserved by what it came to."""
        ...

    async def spent(self, periods: Sequence[Period]) -> Mapping[str, int]:
        """Micro-USD by the period's name."""
        ...

    async def check(self) -> None:
        """Raises `StoreError` where the store can't be relied on."""
        ...

    async def aclose(self) -> None: ...


def budgets_unusable() -> ImageError:
    """What a call is told whose budget can't be looked up."""
    return ImageError(
        ErrorCode.UPSTREAM_UNAVAILABLE, "The gateway can't look up its budgets; nothing was sent.", retry_after_s=1
    )
