"""The public keys of an identity provider: fetched when they are needed, kept for a while, fetched anew for others."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import httpx
import msgspec
from msgspec import Struct

from imageway.gateway.settings.oidc import plain_http_is_fine

if TYPE_CHECKING:
    from jwt import PyJWK

__all__ = ("IssuerKeys", "IssuerUnreachableError")

_log = logging.getLogger(__name__)

_FRESH_S = 3600.0
"""How long keys are used without asking for them again."""

_STALE_S = 86_400.0
"""How long they are used while the issuer can't be asked."""

_PAUSE_S = 10.0
"""Between two requests, so that made-up key ids cost the issuer nothing."""

_TIMEOUT_S = 5.0
_MOST_BYTES = 262_144
_MOST_KEYS = 100


class IssuerUnreachableError(Exception):
    """The issuer can't be asked, or its answer makes no sense."""


class _Discovery(Struct, frozen=True):
    issuer: str
    jwks_uri: str


class _KeySet(Struct, frozen=True):
    keys: list[dict[str, Any]]


class IssuerKeys:
    """The signing keys of *issuer*, by their ids. Nothing is asked for before the first token comes."""

    def __init__(
        self, issuer: str, *, timeout_s: float = _TIMEOUT_S, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._issuer = issuer
        self._timeout_s = timeout_s
        self._clock_s = clock_s
        self._keys: Mapping[str, PyJWK] = {}
        self._fetched_s = float("-inf")
        self._tried_s = float("-inf")
        self._failed = False
        self._one_at_a_time = asyncio.Lock()

    async def key(self, key_id: str) -> "PyJWK | None":
        """The key called *key_id*, None where the issuer has none. Raises `IssuerUnreachableError`."""
        if self._age_s() > _FRESH_S or key_id not in self._keys:
            async with self._one_at_a_time:
                if self._age_s() > _FRESH_S or key_id not in self._keys:
                    await self._refresh()
        if self._age_s() > _STALE_S or (self._failed and key_id not in self._keys):
            raise IssuerUnreachableError
        return self._keys.get(key_id)

    def _age_s(self) -> float:
        return self._clock_s() - self._fetched_s

    async def _refresh(self) -> None:
        if self._clock_s() - self._tried_s < _PAUSE_S:
            return
        self._tried_s = self._clock_s()
        try:
            self._keys = await self._fetched()
        except (httpx.HTTPError, httpx.InvalidURL, msgspec.MsgspecError, ValueError, TimeoutError) as error:
            _log.warning("oidc.issuer_unreachable: %s (%s)", self._issuer, type(error).__name__)
            self._failed = True
            return
        self._fetched_s = self._clock_s()
        self._failed = False

    async def _fetched(self) -> "Mapping[str, PyJWK]":
        # Not by the environment's proxies: who answers here decides who may call.
        async with httpx.AsyncClient(timeout=self._timeout_s, follow_redirects=False, trust_env=False) as client:
            place = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
            discovery = msgspec.json.decode(await self._body(client, place), type=_Discovery)
            if discovery.issuer != self._issuer:
                raise ValueError("the issuer calls itself something else")
            if not plain_http_is_fine(discovery.jwks_uri):
                raise ValueError("the keys' address is not https")
            return _signing_keys(msgspec.json.decode(await self._body(client, discovery.jwks_uri), type=_KeySet))

    async def _body(self, client: httpx.AsyncClient, url: str) -> bytes:
        body = bytearray()
        async with asyncio.timeout(self._timeout_s), client.stream("GET", url) as reply:
            if reply.status_code != httpx.codes.OK:
                raise ValueError("the issuer answers with an error")
            async for chunk in reply.aiter_bytes():
                body += chunk
                if len(body) > _MOST_BYTES:
                    raise ValueError("the issuer's answer is too long")
        return bytes(body)


def _signing_keys(found: _KeySet) -> "Mapping[str, PyJWK]":
    from jwt import PyJWK
    from jwt.exceptions import PyJWKError

    keys: dict[str, PyJWK] = {}
    for row in found.keys[:_MOST_KEYS]:
        key_id = row.get("kid")
        if not isinstance(key_id, str) or row.get("use", "sig") != "sig" or row.get("kty") not in ("RSA", "EC", "OKP"):
            continue
        try:
            keys[key_id] = PyJWK(row)
        except (PyJWKError, ValueError, TypeError, KeyError):
            continue  # of a kind that the library doesn't know
    return keys
