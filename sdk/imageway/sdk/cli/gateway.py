"""Which gateway a command talks to, and a client of it."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec import Struct

from imageway.sdk.cli.talk import Exit, GiveUpError, say
from imageway.sdk.client import AsyncClient
from imageway.sdk.embedded import Opener, open_embedded
from imageway.sdk.errors import GatewaySetupError, MissingGatewayError

__all__ = ("GatewayChoice", "drawer_of", "open_client", "sketch_draws")


class GatewayChoice(Struct, frozen=True, kw_only=True):
    """What the command line says of the gateway."""

    url: str | None = None
    config: Path | None = None
    provider: str | None = None
    retry_unknown: bool = False


def sketch_draws(choice: GatewayChoice) -> bool:
    """Whether nobody named a gateway, so that the offline provider draws, for nothing."""
    return all(value is None for _, value in _flags(choice)) and not _url_of_environment()


def drawer_of(choice: GatewayChoice) -> str:
    """Who draws, in words that stay the same from run to run."""
    if choice.config is not None:
        return f"config {choice.config.resolve()}"
    if choice.provider is not None:
        return f"provider {choice.provider}"
    return choice.url or _url_of_environment() or "sketch"


@asynccontextmanager
async def open_client(
    choice: GatewayChoice, *, opener: Opener | None = None, announced: bool = True
) -> AsyncIterator[AsyncClient]:
    """A client of the gateway that is meant: by flag, then by environment, else one inside this process.

    Raises `GiveUpError`.
    """
    flags = [flag for flag, value in _flags(choice) if value is not None]
    if len(flags) > 1:
        raise GiveUpError(Exit.UNUSABLE, f"{' and '.join(flags)} exclude each other; name one gateway")
    url = choice.url or (_url_of_environment() if not flags else "")
    if url or choice.url is not None:
        async with _client(url, retry_unknown=choice.retry_unknown) as client:
            yield client
        return
    try:
        async with open_embedded(config=choice.config, provider=choice.provider, opener=opener) as app:
            if announced:
                say(_announcement(choice))
            async with AsyncClient(app=app, retry_unknown=choice.retry_unknown) as client:
                yield client
    except MissingGatewayError as error:
        raise GiveUpError(Exit.NO_GATEWAY, str(error)) from error
    except GatewaySetupError as error:
        raise GiveUpError(Exit.UNUSABLE, f"the gateway's configuration can't be used:\n{error}") from error


def _url_of_environment() -> str:
    return os.environ.get("IMAGEWAY_GATEWAY_URL", "").strip()


def _flags(choice: GatewayChoice) -> tuple[tuple[str, object], ...]:
    return ("--gateway", choice.url), ("--gateway-config", choice.config), ("--provider", choice.provider)


def _client(url: str, *, retry_unknown: bool) -> AsyncClient:
    try:
        return AsyncClient(url, retry_unknown=retry_unknown)
    except ValueError as error:
        raise GiveUpError(Exit.UNUSABLE, str(error)) from error


def _announcement(choice: GatewayChoice) -> str:
    if choice.config is not None:
        return f"drawing with the gateway of {choice.config} inside this process"
    if choice.provider is not None:
        return f"drawing with {choice.provider} through a gateway inside this process; the vendor charges for it"
    return "no gateway named: drawing with sketch inside this process (offline, free; not a real model)"
