"""The gateway inside the caller's own process; what the entry point `imageway.embedded` names."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

from litestar import Litestar

from imageway.gateway.app import create_app
from imageway.gateway.settings import load_settings, sketch_only, vendor_only
from imageway.gateway.telemetry.logs import logger

__all__ = ("open_gateway",)


@asynccontextmanager
async def open_gateway(
    *, config: Path | None = None, provider: Literal["openai", "azure"] | None = None
) -> AsyncIterator[Litestar]:
    """The application of the gateway that *config* describes, or of one vendor, or of sketch alone.

    Only errors of its own are logged: what goes wrong with a call is the caller's story to tell. Raises
    `SettingsError` with every problem.
    """
    if config is not None:
        settings = load_settings(config)
    elif provider is not None:
        settings = vendor_only(provider)
    else:
        settings = sketch_only()
    app = create_app(settings, log=logger(level=logging.ERROR), data_links=True)
    lifespan = app.lifespan()
    await lifespan.__aenter__()
    try:
        yield app
    finally:
        # Not by `async with`: Litestar would wrap what its caller's body raises into a group.
        await lifespan.__aexit__(None, None, None)
