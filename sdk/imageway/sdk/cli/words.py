"""Arguments that several commands have, and what is done with whatever goes wrong in one."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated

from cyclopts import Parameter

from imageway.sdk.cli.talk import ABORTED, Exit, GiveUpError, put_json, say

__all__ = ("AsJson", "guarded", "told_once")

AsJson = Annotated[bool, Parameter(name="--json", negative="", help="Put one JSON object on stdout at the end.")]


def guarded(command: Callable[[], Awaitable[Exit]], *, as_json: bool) -> Exit:
    """The exit code of *command*, which runs in an event loop; one that gives up is one sentence."""

    async def awaited() -> Exit:
        return await command()

    return told_once(lambda: asyncio.run(awaited()), as_json=as_json)


def told_once(command: Callable[[], Exit], *, as_json: bool) -> Exit:
    """The exit code of *command*; one that gives up is one sentence."""
    try:
        return command()
    except GiveUpError as error:
        say(f"imageway: {error.message}")
        if as_json:
            put_json({"exit_code": int(error.exit), "error": error.message})
        return error.exit
    except (KeyboardInterrupt, asyncio.CancelledError):
        say(f"imageway: {ABORTED}")
        return Exit.INTERRUPTED
