"""Entra ID through azure-identity: credentials, and tokens that many calls share."""

import asyncio
from typing import TYPE_CHECKING, Any, assert_never

from azure.core.exceptions import AzureError
from azure.core.pipeline.transport import AsyncioRequestsTransport
from azure.identity.aio import (
    ClientSecretCredential,
    DefaultAzureCredential,
    ManagedIdentityCredential,
    WorkloadIdentityCredential,
    get_bearer_token_provider,
)

from imageway.contract.errors import ErrorCode, ImageError
from imageway.providers._azure_config import EntraLogin
from imageway.providers._images_api import ImagesApiProvider

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential
    from openai import AsyncOpenAI

__all__ = ("EntraProvider", "EntraTokens", "make_credential")

_CONNECT_TIMEOUT_S = 10
_READ_TIMEOUT_S = 20
_LONGEST_WAIT_S = 60.0
"""For a token with all of azure-identity's own retries; a managed identity's alone may otherwise go on for minutes."""

_FAULTS = (AzureError, OSError, ValueError, TypeError, LookupError, AttributeError)
"""Its own errors, those of the token file and of the deadline, and what it trips over in answers that are no token."""


class EntraProvider(ImagesApiProvider):
    """A client whose *tokens* come from *credential*, which it owns."""

    def __init__(self, client: "AsyncOpenAI", credential: "AsyncTokenCredential", tokens: "EntraTokens") -> None:
        super().__init__(client, tokens.token)
        self._credential = credential

    async def aclose(self) -> None:  # type: ignore[explicit-override]  # typing.override is Python 3.12's
        try:
            await super().aclose()
        finally:
            await self._credential.close()


class EntraTokens:
    """The current token for a scope. azure-identity keeps it and renews it before it expires.

    However many calls wait, one request for a token is under way, and where it fails all that waited fail with it.
    """

    def __init__(self, credential: "AsyncTokenCredential", scope: str, longest_wait_s: float = _LONGEST_WAIT_S) -> None:
        self._current = get_bearer_token_provider(credential, scope)
        self._longest_wait_s = longest_wait_s
        self._lock = asyncio.Lock()
        self._failures = 0

    async def token(self) -> str:
        """Raises `ImageError` (upstream_auth) without the details, which azure-identity logs for the operator."""
        failures_before = self._failures
        async with self._lock:
            if self._failures != failures_before:
                raise _no_token()
            try:
                async with asyncio.timeout(self._longest_wait_s):
                    return await self._current()
            except _FAULTS as error:
                self._failures += 1
                raise _no_token() from error


def _no_token() -> ImageError:
    return ImageError(
        ErrorCode.UPSTREAM_AUTH, "No Entra ID token was to be had; the gateway's operator must look into it."
    )


def make_credential(login: EntraLogin) -> "AsyncTokenCredential":
    """The credential, which asks for nothing yet. `requests` carries it: azure-identity doesn't bring `aiohttp`."""
    transport = AsyncioRequestsTransport(connection_timeout=_CONNECT_TIMEOUT_S, read_timeout=_READ_TIMEOUT_S)
    common: dict[str, Any] = {"transport": transport}
    if login.authority_host:
        common["authority"] = login.authority_host
    match login.credential:
        case "default":
            return DefaultAzureCredential(**common)
        case "managed_identity":
            return ManagedIdentityCredential(client_id=login.client_id or None, **common)
        case "workload_identity":
            return WorkloadIdentityCredential(
                tenant_id=login.tenant_id, client_id=login.client_id, token_file_path=login.token_file, **common
            )
        case "client_secret":
            return ClientSecretCredential(login.tenant_id, login.client_id, login.client_secret, **common)
        case _:
            assert_never(login.credential)
