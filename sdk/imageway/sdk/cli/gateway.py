"""Which gateway a command talks to, and a client of it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from imageway.sdk.cli.talk import Exit, GiveUpError, say
from imageway.sdk.client import AsyncClient
from imageway.sdk.connecting import GatewayChoice, connected, url_of
from imageway.sdk.embedded import Opener
from imageway.sdk.errors import GatewaySetupError, MissingGatewayError

__all__ = ("open_client",)

_FLAGS = {"url": "--gateway", "config": "--gateway-config", "provider": "--provider"}


@asynccontextmanager
async def open_client(
    choice: GatewayChoice, *, opener: Opener | None = None, announced: bool = True
) -> AsyncIterator[AsyncClient]:
    """A client of the gateway that is meant: by flag, then by environment, else one inside this process.

    Raises `GiveUpError`.
    """
    if len(choice.named) > 1:
        flags = " and ".join(_FLAGS[name] for name in choice.named)
        raise GiveUpError(Exit.UNUSABLE, f"{flags} exclude each other; name one gateway")
    async with AsyncExitStack() as stack:
        try:
            client = await stack.enter_async_context(connected(choice, opener=opener))
        except MissingGatewayError as error:
            raise GiveUpError(Exit.NO_GATEWAY, str(error)) from error
        except GatewaySetupError as error:
            raise GiveUpError(Exit.UNUSABLE, f"the gateway's configuration can't be used:\n{error}") from error
        except ValueError as error:
            raise GiveUpError(Exit.UNUSABLE, str(error)) from error
        if announced and not url_of(choice):
            say(_announcement(choice))
        yield client


def _announcement(choice: GatewayChoice) -> str:
    if choice.config is not None:
        return f"drawing with the gateway of {choice.config} inside this process"
    if choice.provider is not None:
        return f"drawing with {choice.provider} through a gateway inside this process; the vendor charges for it"
    return "no gateway named: drawing with sketch inside this process (offline, free; not a real model)"
