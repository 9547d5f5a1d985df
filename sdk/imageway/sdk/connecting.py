"""Which gateway is meant, and a client of it: by URL, or one inside this process."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec import Struct

from imageway.sdk.client import AsyncClient
from imageway.sdk.embedded import Opener, open_embedded

__all__ = ("GatewayChoice", "connected", "drawer_of", "sketch_draws", "url_of")


class GatewayChoice(Struct, frozen=True, kw_only=True):
    """The gateway at `url`, or one inside this process: of the configuration `config`, or of one vendor, `provider`.

    One of them at most. Without any: the gateway that IMAGEWAY_GATEWAY_URL names, or else sketch, offline.
    """

    url: str | None = None
    config: Path | None = None
    provider: str | None = None
    retry_unknown: bool = False

    @property
    def named(self) -> tuple[str, ...]:
        """The fields that are set, of those that exclude each other."""
        return tuple(name for name in ("url", "config", "provider") if getattr(self, name) is not None)


def url_of(choice: GatewayChoice) -> str:
    """The URL that is meant; empty for a gateway inside this process."""
    if choice.url is not None:
        return choice.url
    return "" if choice.named else os.environ.get("IMAGEWAY_GATEWAY_URL", "").strip()


def sketch_draws(choice: GatewayChoice) -> bool:
    """Whether nobody named a gateway, so that the offline provider draws, for nothing."""
    return not choice.named and not url_of(choice)


def drawer_of(choice: GatewayChoice) -> str:
    """Who draws, in words that stay the same from run to run."""
    if choice.config is not None:
        return f"config {choice.config.resolve()}"
    if choice.provider is not None:
        return f"provider {choice.provider}"
    return url_of(choice).rstrip("/") or "sketch"


@asynccontextmanager
async def connected(choice: GatewayChoice, *, opener: Opener | None = None) -> AsyncIterator[AsyncClient]:
    """A client of the gateway that is meant.

    Raises `ValueError` for a URL or key that can't be one, and `GatewaySetupError` for a gateway that can't be opened
    inside this process.
    """
    url = url_of(choice)
    if url or choice.url is not None:
        async with AsyncClient(url, retry_unknown=choice.retry_unknown) as client:
            yield client
        return
    async with (
        open_embedded(config=choice.config, provider=choice.provider, opener=opener) as app,
        AsyncClient(app=app, retry_unknown=choice.retry_unknown) as client,
    ):
        yield client
