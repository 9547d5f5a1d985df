"""A gateway inside this process, found by the entry point `imageway.embedded`: the SDK doesn't import it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from importlib.metadata import entry_points
from pathlib import Path
from typing import TypeAlias, cast

from imageway.sdk._http import AsgiApp
from imageway.sdk.errors import GatewaySetupError, MissingGatewayError

__all__ = ("Opener", "installed_opener", "open_embedded")

Opener: TypeAlias = Callable[..., AbstractAsyncContextManager[AsgiApp]]

_GROUP = "imageway.embedded"


@asynccontextmanager
async def open_embedded(
    *, config: Path | None = None, provider: str | None = None, opener: Opener | None = None
) -> AsyncIterator[AsgiApp]:
    """The application of a gateway as *config* describes it, or with *provider* alone, or else with sketch, offline.

    Give it to `AsyncClient(app=...)`. Raises `MissingGatewayError` without the gateway extra, and `GatewaySetupError`
    for a configuration that can't be used.
    """
    async with AsyncExitStack() as stack:
        try:
            opening = (opener or installed_opener())(config=config, provider=provider)
            app = await stack.enter_async_context(opening)
        except ImportError as error:
            raise _missing(str(error)) from error
        except (ValueError, OSError) as error:
            raise GatewaySetupError(str(error), getattr(error, "issues", ())) from error
        yield app


def installed_opener() -> Opener:
    """What the entry point names. Raises `ImportError` where it can't be loaded, or where there is none."""
    for entry in entry_points(group=_GROUP):
        return cast("Opener", entry.load())  # what an entry point names has no type
    raise ImportError("nothing is registered as an embedded gateway")


def _missing(reason: str) -> MissingGatewayError:
    return MissingGatewayError(
        "no gateway was named, and there is none to run inside this process:"
        f" pip install 'imageway[gateway]', or name one with its URL ({reason})"
    )
