"""What a run may spend: the most that a call may cost is set aside before it, and settled to what it came to."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal

from imageway.sdk.money import shown_usd

__all__ = ("Purse", "PurseEmptyError", "Reservation")


class PurseEmptyError(Exception):
    """A call doesn't fit into what is left; the sentence says how much that is."""


class Reservation:
    """Money set aside for a call. Unless somebody says what it came to, all of it counts as spent."""

    def __init__(self, high_usd: Decimal) -> None:
        self.high_usd = high_usd
        self.came_to_usd = high_usd


class Purse:
    """The money of a run, with *spent_usd* of it spent by earlier passes. Without a *limit_usd* everything fits.

    The amounts *in_doubt* count as spent, too, each until the call of its key is made again.
    """

    def __init__(
        self,
        limit_usd: Decimal | None = None,
        *,
        spent_usd: Decimal = Decimal(),
        in_doubt: Mapping[str, Decimal] | None = None,
    ) -> None:
        self._limit_usd = limit_usd
        self._in_doubt = {**(in_doubt or {})}
        self._spent_usd = spent_usd + sum(self._in_doubt.values())
        self._aside_usd = Decimal()
        self._settled = asyncio.Condition()

    @property
    def is_limited(self) -> bool:
        return self._limit_usd is not None

    @property
    def spent_usd(self) -> Decimal:
        return self._spent_usd

    @asynccontextmanager
    async def aside(self, key: str, high_usd: Decimal) -> AsyncIterator[Reservation]:
        """The time of the call of *key*, which may cost *high_usd*.

        Where it would fit only if calls in flight come to less than was set aside for them, entering waits for these.
        Raises `PurseEmptyError` where it can't fit.
        """
        if not self._fits(key, high_usd):
            await self._room(key, high_usd)
        self._spent_usd -= self._in_doubt.pop(key, Decimal())
        self._aside_usd += high_usd
        reservation = Reservation(high_usd)
        try:
            yield reservation
        finally:
            self._aside_usd -= high_usd
            self._spent_usd += reservation.came_to_usd
            if self.is_limited:  # else nobody waits
                async with self._settled:
                    self._settled.notify_all()

    async def _room(self, key: str, high_usd: Decimal) -> None:
        async with self._settled:
            await self._settled.wait_for(lambda: self._fits(key, high_usd) or not self._aside_usd)
        if not self._fits(key, high_usd):
            raise PurseEmptyError(
                f"The budget of {_as_told(self._limit_usd)} USD is reached:"
                f" {shown_usd(self._spent_usd)} are spent, and the next call may cost {shown_usd(high_usd)}."
            )

    def _fits(self, key: str, high_usd: Decimal) -> bool:
        committed_usd = self._spent_usd - self._in_doubt.get(key, Decimal()) + self._aside_usd
        return self._limit_usd is None or committed_usd + high_usd <= self._limit_usd


def _as_told(limit_usd: Decimal | None) -> str:
    """A budget as people write it: cents, and more decimals only where it has some."""
    cents = limit_usd or Decimal()
    return f"{cents:.2f}" if cents == round(cents, 2) else f"{cents.normalize():f}"
