"""`oidc:`, callers who come with a token of an identity provider instead of a key."""

from typing import Annotated, Literal, TypeAlias
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from imageway.gateway.settings.server import is_loopback

__all__ = ("Algorithm", "OidcSettings", "plain_http_is_fine")

Algorithm: TypeAlias = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Signatures by a private key. What is signed by a shared secret, or not at all, is never taken."""


class OidcSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose tokens are taken, and what their holders may do.

    `issuer` is the address below which `/.well-known/openid-configuration` stands, https unless it is on this machine.
    `keys` says which of the configured keys' limits, budget and models a token stands for, by the value of its `claim`,
    or by one of the values where it is a list. Clocks may differ by `clock_skew_s`.
    """

    issuer: Annotated[str, Meta(pattern=r"^https?://[^\s?#]+$", max_length=2048)]
    audience: Annotated[str, Meta(min_length=1, max_length=2048)]
    keys: Annotated[dict[str, str], Meta(min_length=1)]
    claim: Annotated[str, Meta(min_length=1, max_length=256)] = "sub"
    algorithms: Annotated[tuple[Algorithm, ...], Meta(min_length=1)] = ("RS256", "ES256")
    clock_skew_s: Annotated[int, Meta(ge=0, le=300)] = 60


def plain_http_is_fine(url: str) -> bool:
    """Whether *url* is https, or never leaves this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
