"""Callers by the key that they present, each with the models that it may use: it never hears of others."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

from msgspec import Struct

from imageway.gateway.access.keyring import ANYONE, Keyring, KeySettings, presented_key
from imageway.providers.registry import Registry, utc_today

if TYPE_CHECKING:
    from imageway.gateway.access.tokens import Tokens

__all__ = ("Caller", "Callers")


class Caller(Struct, frozen=True, kw_only=True):
    """Who calls: a key, and the models that its holder may name."""

    key: KeySettings
    registry: Registry


class Callers:
    """Everybody who may call, by *keys* or by *tokens* that stand for them; whoever comes, where there are none."""

    def __init__(
        self,
        keys: Sequence[KeySettings],
        registry: Registry,
        tokens: "Tokens | None" = None,
        *,
        today: Callable[[], date] = utc_today,
    ) -> None:
        self._tokens = tokens
        self._keyring = Keyring(keys, today=today)
        self.all = tuple(
            Caller(key=key, registry=registry if key.models is None else registry.only(key.models))
            for key in (*keys, ANYONE)
        )
        self._by_name = {caller.key.name: caller for caller in self.all}

    async def of(self, headers: Mapping[str, str]) -> Caller:
        """The caller who sent *headers* (lower-case names).

        Raises `ImageError` (unauthenticated; forbidden and upstream_unavailable where there are tokens).
        """
        presented = presented_key(headers)
        if self._tokens is not None and presented is not None and self._tokens.may_be_one(presented):
            return self._by_name[self._keyring.named(await self._tokens.key_name(presented)).name]
        return self._by_name[self._keyring.holder(presented).name]
