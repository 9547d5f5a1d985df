"""The door with the stores that the configuration names: its own, or a Redis that replicas share."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from imageway.gateway.access.admission import Admission
from imageway.gateway.access.budgets import BudgetStore
from imageway.gateway.access.in_flight import InFlight
from imageway.gateway.access.missable import Missable
from imageway.gateway.access.rates import Rates
from imageway.gateway.access.sqlite_budgets import SqliteBudgets
from imageway.gateway.engine.observers import Observers
from imageway.gateway.settings.oidc import OidcSettings
from imageway.gateway.settings.stores import BudgetSettings, LimitSettings
from imageway.gateway.stores.place import StoreError, store_place

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from imageway.gateway.access.issuer_keys import IssuerKeys
    from imageway.gateway.access.tokens import Tokens

__all__ = ("Door", "budgets_place", "limits_place")

_TIMEOUT_S = 1.0
"""For limits: calls pass rather than wait for them."""


def limits_place(settings: LimitSettings) -> str | None:
    """The Redis in which limits are counted, None for this process. Raises `StoreError`."""
    if settings.store == "memory":
        return None
    return str(store_place("limits.store", settings.store, Path(), instead="memory"))


def budgets_place(settings: BudgetSettings, base_dir: Path) -> Path | str:
    """The file or the Redis in which it is kept what was spent. Raises `StoreError`."""
    return store_place("budgets.store", settings.store, base_dir)


class Door:
    """`admission`, and what it counts in, `budgets` among it. Connects to nothing before it is opened."""

    def __init__(
        self,
        limits: LimitSettings,
        budgets: BudgetSettings | None,
        base_dir: Path,
        *,
        observers: Observers | None = None,
    ) -> None:
        """Raises `StoreError` for stores that can't be used, as far as that shows without a connection."""
        self._issuers: dict[str, IssuerKeys] = {}
        self._redis = _limits_redis(limits)
        self._in_flight = InFlight(self._redis, Missable("in_flight", observers))
        self.budgets = _budgets(budgets, base_dir)
        self.admission = Admission(
            Rates(self._redis, Missable("rates", observers)), self.budgets, self._in_flight, observers=observers
        )

    def tokens(self, settings: OidcSettings | None) -> "Tokens | None":
        """What checks tokens by *settings*; an issuer's keys are kept over changes of the configuration."""
        if settings is None:
            return None
        from imageway.gateway.access.issuer_keys import IssuerKeys  # and with it httpx, which most gateways never need
        from imageway.gateway.access.tokens import Tokens

        issuer = self._issuers.setdefault(settings.issuer, IssuerKeys(settings.issuer))
        return Tokens(settings, issuer)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """For as long as calls come. Raises `StoreError` where budgets can't be kept; limits may come and go."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.budgets.aclose)
            if self._redis is not None:
                stack.push_async_callback(self._redis.aclose)
            await self.budgets.check()
            async with asyncio.TaskGroup() as tasks:
                keeping = tasks.create_task(self._in_flight.keep_up())
                try:
                    yield
                finally:
                    keeping.cancel()


def _limits_redis(settings: LimitSettings) -> "Redis | None":
    url = limits_place(settings)
    if url is None:
        return None
    from imageway.gateway.stores.redis import redis_client

    return redis_client("limits", url, timeout_s=_TIMEOUT_S)


def _budgets(settings: BudgetSettings | None, base_dir: Path) -> BudgetStore:
    if settings is None:
        return SqliteBudgets(None)
    place = budgets_place(settings, base_dir)
    if isinstance(place, str):
        from imageway.gateway.access.redis_budgets import RedisBudgets

        return RedisBudgets(place)
    try:
        return SqliteBudgets(place)
    except (OSError, ValueError, sqlite3.Error) as error:
        raise StoreError(f"the budgets in {place} can't be used: {error}") from error
