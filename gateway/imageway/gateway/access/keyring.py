"""Callers' keys. Only their hashes are configured, so that a leaked configuration opens nothing."""

import hmac
import secrets
from collections.abc import Mapping, Sequence
from decimal import Decimal
from hashlib import sha256
from typing import Annotated, TypeAlias

from msgspec import Meta, Struct

from imageway.contract.errors import ErrorCode, ImageError

__all__ = ("ANYONE", "KeySettings", "Keyring", "new_key", "presented_key")

_Count: TypeAlias = Annotated[int, Meta(ge=1)]
_Usd: TypeAlias = Annotated[Decimal, Meta()]
_PREFIX = "imw_"
_LONGEST_KEY = 512


class KeySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key by its hash, and what its holder may do; what is left out isn't limited.

    `sha256` is what `imageway-gateway keys new` prints beside the key. Budgets count UTC days and calendar months, in
    USD of upstream cost.
    """

    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=64)]
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
    models: list[str] | None = None
    requests_per_minute: _Count | None = None
    images_per_minute: _Count | None = None
    max_in_flight: _Count | None = None
    budget_usd_per_day: _Usd | None = None
    budget_usd_per_month: _Usd | None = None

    @property
    def has_budget(self) -> bool:
        return self.budget_usd_per_day is not None or self.budget_usd_per_month is not None


ANYONE = KeySettings(name="anyone", sha256="0" * 64)
"""Whoever calls a gateway without keys; nothing is limited."""


class Keyring:
    """Finds the key that a caller presents."""

    def __init__(self, keys: Sequence[KeySettings]) -> None:
        self._keys = tuple(keys)

    def holder(self, presented: str | None) -> KeySettings:
        """The settings of the key *presented*; `ANYONE` where no keys are configured.

        Raises `ImageError` (unauthenticated) for no key and for one that isn't here. Every hash is compared, each in
        constant time.
        """
        if not self._keys:
            return ANYONE
        if not presented:
            raise _refused("No API key: send one as 'Authorization: Bearer KEY' or 'api-key: KEY'.")
        digest = sha256(presented[:_LONGEST_KEY].encode(errors="replace")).hexdigest()
        found = None
        for key in self._keys:
            if hmac.compare_digest(key.sha256, digest):
                found = key
        if found is None:
            raise _refused("Incorrect API key provided.")
        return found


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


def _refused(message: str) -> ImageError:
    return ImageError(
        ErrorCode.UNAUTHENTICATED, message, upstream_type="invalid_request_error", upstream_code="invalid_api_key"
    )
