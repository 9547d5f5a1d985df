"""Callers' keys. Only their hashes are configured, so that a leaked configuration opens nothing."""

import hmac
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from hashlib import sha256
from typing import Annotated, TypeAlias

from msgspec import Meta, Struct

from imageway.contract.errors import ErrorCode, ImageError
from imageway.providers.registry import utc_today

__all__ = ("ANYONE", "KEY_NAME", "KeySettings", "Keyring", "new_key", "presented_key", "refused_key")

_Count: TypeAlias = Annotated[int, Meta(ge=1)]
_Hash: TypeAlias = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
_Usd: TypeAlias = Annotated[Decimal, Meta()]
KEY_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
_PREFIX = "imw_"
_LONGEST_KEY = 512


class KeySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key by its hash, and what its holder may do; what is left out isn't limited.

    `sha256` is what `imageway-gateway keys new` prints beside the key; two of them open the same while a key is changed
    for a new one, and none does where only tokens (`oidc:`) stand for the key. `expires` is the first day, in UTC, on
    which it opens nothing. Budgets count UTC days and calendar months, in USD of upstream cost.
    """

    name: Annotated[str, Meta(pattern=KEY_NAME, max_length=64)]
    sha256: _Hash | Annotated[list[_Hash], Meta(max_length=2)] = []
    expires: date | None = None
    models: list[str] | None = None
    requests_per_minute: _Count | None = None
    images_per_minute: _Count | None = None
    max_in_flight: _Count | None = None
    budget_usd_per_day: _Usd | None = None
    budget_usd_per_month: _Usd | None = None

    @property
    def hashes(self) -> Sequence[str]:
        return [self.sha256] if isinstance(self.sha256, str) else self.sha256

    @property
    def has_budget(self) -> bool:
        return self.budget_usd_per_day is not None or self.budget_usd_per_month is not None

    @property
    def is_limited(self) -> bool:
        rates = (self.requests_per_minute, self.images_per_minute)
        return self.max_in_flight is not None or any(rates) or self.has_budget


ANYONE = KeySettings(name="anyone", sha256="0" * 64)
"""Whoever calls a gateway without keys; nothing is limited."""


class Keyring:
    """Finds the key that a caller presents; *today* tells the day in UTC."""

    def __init__(self, keys: Sequence[KeySettings], *, today: Callable[[], date] = utc_today) -> None:
        self._hashes = tuple((value, key) for key in keys for value in key.hashes)
        self._by_name = {key.name: key for key in keys}
        self._today = today

    def named(self, name: str) -> KeySettings:
        """The key called *name*. Raises `ImageError` (unauthenticated) where it has expired."""
        return self._unexpired(self._by_name[name])

    def holder(self, presented: str | None) -> KeySettings:
        """The settings of the key *presented*; `ANYONE` where no keys are configured.

        Raises `ImageError` (unauthenticated) for no key, for one that isn't here and for one that has expired. Every
        hash is compared, each in constant time.
        """
        if not self._by_name:
            return ANYONE
        if not presented:
            raise refused_key("No API key: send one as 'Authorization: Bearer KEY' or 'api-key: KEY'.")
        digest = sha256(presented[:_LONGEST_KEY].encode(errors="replace")).hexdigest()
        found = None
        for value, key in self._hashes:
            if hmac.compare_digest(value, digest):
                found = key
        if found is None:
            raise refused_key("Incorrect API key provided.")
        return self._unexpired(found)

    def _unexpired(self, key: KeySettings) -> KeySettings:
        if key.expires is not None and self._today() >= key.expires:
            raise refused_key(f"This API key expired on {key.expires}.")
        return key


def presented_key(headers: Mapping[str, str]) -> str | None:
    """The key in *headers* (lower-case names): `authorization: Bearer`, or Azure's `api-key`."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return headers.get("api-key") or None


def new_key() -> tuple[str, str]:
    """A fresh key and the hash that goes into the configuration."""
    key = _PREFIX + secrets.token_urlsafe(32)
    return key, sha256(key.encode()).hexdigest()


def refused_key(message: str) -> ImageError:
    """*message* as what a caller is told whose key or token isn't good."""
    return ImageError(
        ErrorCode.UNAUTHENTICATED, message, upstream_type="invalid_request_error", upstream_code="invalid_api_key"
    )
