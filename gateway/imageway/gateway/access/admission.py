"""The door: calls in flight, rates and budget of the caller's key, in this order, before a target is asked."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from datetime import UTC, datetime
from decimal import Decimal

from imageway.contract.cost import Estimate, micro_usd
from imageway.contract.errors import ErrorCode, ImageError
from imageway.gateway.access.budgets import BudgetStore, Period, periods_at
from imageway.gateway.access.in_flight import InFlight
from imageway.gateway.access.keyring import KeySettings
from imageway.gateway.access.limit import LimitReachedError
from imageway.gateway.access.rates import Rates
from imageway.gateway.engine.events import StoreFailed
from imageway.gateway.engine.observers import Observers

__all__ = ("Admission", "Ticket")


class Ticket:
    """A call that was let in. Whoever makes it notes whether anything was sent that may cost, and what it cost.

    What was sent and has no cost stays reserved.
    """

    def __init__(self, reserved_micro_usd: int, headers: Mapping[str, str]) -> None:
        self.reserved_micro_usd = reserved_micro_usd
        self.spent_micro_usd: int | None = None
        self.sent = False
        self.headers = headers

    def came_to(self, usd: Decimal | None) -> None:
        """Note the cost; one that nobody knows stays what was reserved."""
        self.spent_micro_usd = None if usd is None else micro_usd(usd)


class Admission:
    """Lets calls in by their key's limits. `now` is the time in UTC."""

    def __init__(
        self,
        rates: Rates,
        budgets: BudgetStore,
        in_flight: InFlight | None = None,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        observers: Observers | None = None,
    ) -> None:
        self._rates = rates
        self._budgets = budgets
        self._in_flight = in_flight or InFlight()
        self._now = now
        self._observers = observers or Observers()

    def entering(self, key: KeySettings, images: int, estimate: Estimate | None) -> AbstractAsyncContextManager[Ticket]:
        """The time of one call. *estimate* is None where nobody knows a price, which a key with a budget can't spend.

        Raises `ImageError` (rate_limited, budget_exhausted) before anything is sent.
        """
        return self._entering(key, images, estimate) if key.is_limited else nullcontext(Ticket(0, {}))

    @asynccontextmanager
    async def _entering(self, key: KeySettings, images: int, estimate: Estimate | None) -> AsyncIterator[Ticket]:
        async with self._in_flight.one_of(key):
            states = await self._rates.count(key, images)
            periods = self._periods(key)
            reserved = await self._reserved_whole(periods, estimate) if periods else 0
            ticket = Ticket(reserved, {name: text for state in states for name, text in state.headers().items()})
            try:
                yield ticket
            except ImageError as error:
                if not error.may_have_billed and ticket.spent_micro_usd is None:
                    ticket.spent_micro_usd = 0
                raise
            finally:
                spent = ticket.spent_micro_usd if ticket.sent else 0
                if periods and spent is not None:
                    await self._settled(periods, spent - reserved)

    async def _reserved_whole(self, periods: tuple[Period, ...], estimate: Estimate | None) -> int:
        """What was reserved; a caller who leaves meanwhile leaves nothing behind."""
        reserving = asyncio.ensure_future(self._reserved(periods, estimate))
        try:
            return await asyncio.shield(reserving)
        except asyncio.CancelledError:
            await asyncio.wait((reserving,))
            if reserving.exception() is None:
                await self._settled(periods, -reserving.result())
            raise

    async def _settled(self, periods: tuple[Period, ...], difference: int) -> None:
        try:
            await self._budgets.settle(periods, difference)
        except ImageError as error:
            # The call has ended, and its end counts more; what was reserved stays counted.
            self._tell(error, refused=False)

    def _periods(self, key: KeySettings) -> tuple[Period, ...]:
        if not key.has_budget:
            return ()
        day, month = key.budget_usd_per_day, key.budget_usd_per_month
        return periods_at(
            self._now(),
            key.name,
            day_micro_usd=None if day is None else micro_usd(day),
            month_micro_usd=None if month is None else micro_usd(month),
        )

    async def _reserved(self, periods: tuple[Period, ...], estimate: Estimate | None) -> int:
        if estimate is None:
            raise LimitReachedError(
                "budget",
                ErrorCode.BUDGET_EXHAUSTED,
                "Nobody knows a price of this model, so a key with a budget can't use it; its operator can give one in"
                " a catalogue overlay.",
                param="model",
            )
        reserved = micro_usd(estimate.high_usd)
        try:
            full = await self._budgets.reserve(periods, reserved)
        except ImageError as error:
            self._tell(error, refused=True)
            raise
        if full is not None:
            left = full.limit_micro_usd - (await self._budgets.spent((full,)))[full.name]
            raise LimitReachedError(
                "budget",
                ErrorCode.BUDGET_EXHAUSTED,
                f"The budget of this key for {full.name} is {full.limit_micro_usd / 1e6:.2f} USD, of which"
                f" {max(0, left) / 1e6:.4f} are left; this call may cost {reserved / 1e6:.4f}.",
            )
        return reserved

    def _tell(self, error: ImageError, *, refused: bool) -> None:
        event = StoreFailed(store="budgets", refused=refused, error=type(error.__cause__ or error).__name__)
        self._observers.tell(lambda observer: observer.store_failed(event))
