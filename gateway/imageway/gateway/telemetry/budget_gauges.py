"""What is left of keys' budgets, looked up whenever the page of metrics is asked for."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from imageway.contract.cost import micro_usd
from imageway.contract.errors import ImageError
from imageway.gateway.access.budgets import BudgetStore, periods_at
from imageway.gateway.access.keyring import KeySettings
from imageway.gateway.telemetry.families import Families

__all__ = ("BudgetGauges",)


class BudgetGauges:
    """Reads *budgets* for those of *keys* that have one; where it can't, the gauges are gone rather than old."""

    def __init__(
        self,
        families: Families,
        budgets: BudgetStore,
        keys: Callable[[], Sequence[KeySettings]],
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._families = families
        self._budgets = budgets
        self._keys = keys
        self._now = now

    async def refresh(self) -> None:
        self._families.budget.clear()
        self._families.budget_left.clear()
        for key in self._keys():
            for name, limit in (("day", key.budget_usd_per_day), ("month", key.budget_usd_per_month)):
                if limit is not None:
                    self._families.budget.labels(key.name, name).set(float(limit))
                    await self._refresh(key.name, name, limit)

    async def _refresh(self, key: str, name: str, limit: Decimal) -> None:
        whole = micro_usd(limit)
        (period,) = periods_at(
            self._now(),
            key,
            day_micro_usd=whole if name == "day" else None,
            month_micro_usd=whole if name == "month" else None,
        )
        try:
            spent = await self._budgets.spent((period,))
        except ImageError:
            return
        self._families.budget_left.labels(key, name).set((whole - spent[period.name]) / 1e6)
