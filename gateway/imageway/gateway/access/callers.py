"""Callers by the key that they present, each with the models that it may use: it never hears of others."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date

from msgspec import Struct

from imageway.gateway.access.keyring import ANYONE, Keyring, KeySettings, presented_key
from imageway.providers.registry import Registry, utc_today

__all__ = ("Caller", "Callers")


class Caller(Struct, frozen=True, kw_only=True):
    """Who calls: a key, and the models that its holder may name."""

    key: KeySettings
    registry: Registry


class Callers:
    """Everybody who may call, by *keys*; whoever comes, where there are none."""

    def __init__(
        self, keys: Sequence[KeySettings], registry: Registry, *, today: Callable[[], date] = utc_today
    ) -> None:
        self._keyring = Keyring(keys, today=today)
        self.all = tuple(
            Caller(key=key, registry=registry if key.models is None else registry.only(key.models))
            for key in (*keys, ANYONE)
        )
        self._by_name = {caller.key.name: caller for caller in self.all}

    def of(self, headers: Mapping[str, str]) -> Caller:
        """The caller who sent *headers* (lower-case names). Raises `ImageError` (unauthenticated)."""
        return self._by_name[self._keyring.holder(presented_key(headers)).name]
