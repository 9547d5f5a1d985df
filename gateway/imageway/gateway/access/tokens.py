"""Callers' tokens (JWT, signed by an identity provider): which configured key each of them stands for."""

from collections.abc import Mapping
from typing import Any

from imageway.contract.errors import ErrorCode, ImageError
from imageway.gateway.access.issuer_keys import IssuerKeys, IssuerUnreachableError
from imageway.gateway.access.keyring import refused_key
from imageway.gateway.settings.oidc import OidcSettings

__all__ = ("Tokens",)

_LONGEST_CHARS = 16_384


class Tokens:
    """Checks tokens as *settings* say, with the issuer's keys."""

    def __init__(self, settings: OidcSettings, keys: IssuerKeys) -> None:
        self._settings = settings
        self._keys = keys

    @staticmethod
    def may_be_one(presented: str) -> bool:
        """Whether *presented* has a token's three parts, which no key of ours has."""
        return presented.count(".") == 2

    async def key_name(self, token: str) -> str:
        """The name of the key that *token* stands for.

        Raises `ImageError`: unauthenticated where the token isn't good, forbidden where nobody knows its holder,
        upstream_unavailable where the issuer's keys can't be had.
        """
        claims = await self._claims(token)
        value = claims.get(self._settings.claim)
        held = [value] if isinstance(value, str) else value if isinstance(value, list) else []
        for known, name in self._settings.keys.items():
            if known in held:
                return name
        raise ImageError(
            ErrorCode.FORBIDDEN,
            f"The token is good, but its holder has no access here: nothing is configured for its claim"
            f" '{self._settings.claim}'.",
        )

    async def _claims(self, token: str) -> Mapping[str, Any]:
        import jwt
        from jwt import exceptions

        settings = self._settings
        if len(token) > _LONGEST_CHARS:
            raise refused_key("The token is too long.")
        try:
            header = jwt.get_unverified_header(token)
        except exceptions.InvalidTokenError as error:
            raise refused_key("The token can't be read.") from error
        if header.get("alg") not in settings.algorithms:
            raise refused_key(f"The token must be signed with {' or '.join(settings.algorithms)}.")
        key_id = header.get("kid")
        try:
            key = await self._keys.key(key_id) if isinstance(key_id, str) else None
        except IssuerUnreachableError as error:
            raise ImageError(
                ErrorCode.UPSTREAM_UNAVAILABLE,
                "The token can't be checked, because its issuer can't be asked; nothing was sent.",
                retry_after_s=10,
            ) from error
        if key is None:
            raise refused_key("The token is signed with a key that its issuer doesn't have.")
        try:
            return jwt.decode(
                token,
                key,
                algorithms=list(settings.algorithms),
                audience=settings.audience,
                issuer=settings.issuer,
                leeway=settings.clock_skew_s,
                options={"require": ["exp", "iss", "aud"]},
            )
        except exceptions.ExpiredSignatureError as error:
            raise refused_key("The token has expired.") from error
        except exceptions.ImmatureSignatureError as error:
            raise refused_key("The token isn't valid yet.") from error
        except exceptions.InvalidAudienceError as error:
            raise refused_key("The token is for another audience.") from error
        except exceptions.InvalidIssuerError as error:
            raise refused_key("The token is of another issuer.") from error
        except exceptions.MissingRequiredClaimError as error:
            raise refused_key(f"The token lacks the claim '{error.claim}'.") from error
        except exceptions.PyJWTError as error:
            raise refused_key("The token's signature is wrong.") from error
