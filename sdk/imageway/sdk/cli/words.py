"""Arguments that several commands have, and what is done with whatever goes wrong in one."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter, Token, validators

from imageway.sdk.cli.collector import collect_from_here
from imageway.sdk.cli.stdout import kept_for_data
from imageway.sdk.cli.talk import ABORTED, Exit, GiveUpError, put_json, say

__all__ = (
    "AsJson",
    "Count",
    "Gateway",
    "GatewayConfig",
    "Models",
    "Provider",
    "Seed",
    "Shard",
    "Task",
    "guarded",
    "told_once",
)


def _whole(_: type, tokens: Sequence[Token]) -> int:
    """A whole number as it is written: cyclopts would round 1.5 to 2."""
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", tokens[0].value):
        raise ValueError(f"{tokens[0].value!r} is no whole number")
    return int(tokens[0].value)


Seed = Annotated[int, Parameter(converter=_whole, help="Decides the lots of weighted_sampler nodes.")]
Count = Annotated[int, Parameter(converter=_whole, validator=validators.Number(gte=1))]
Task = Annotated[Path, Parameter(help="The task: a YAML file, or a folder with graph_config.yaml.")]
Models = Annotated[
    Path | None, Parameter(name="--models", help="The models file; models.yaml beside the task otherwise.")
]
Gateway = Annotated[str | None, Parameter(name="--gateway", help="The gateway's URL; IMAGEWAY_GATEWAY_URL otherwise.")]
GatewayConfig = Annotated[
    Path | None, Parameter(name="--gateway-config", help="Run the gateway of this file inside the process.")
]
Provider = Annotated[
    Literal["openai", "azure"] | None,
    Parameter(name="--provider", help="Run a gateway to this vendor inside the process; it costs money."),
]
Shard = Annotated[
    str, Parameter(help="One of several parts only, such as 0/4 for the first of four, each with its own folder.")
]
AsJson = Annotated[bool, Parameter(name="--json", negative="", help="Put one JSON object on stdout at the end.")]


def guarded(command: Callable[[], Awaitable[Exit]], *, as_json: bool) -> Exit:
    """The exit code of *command*, which runs in an event loop; one that gives up is one sentence.

    It may run a task's own code, which doesn't write to where the command's output goes.
    """

    async def awaited() -> Exit:
        return await command()

    with kept_for_data():
        return told_once(lambda: asyncio.run(awaited()), as_json=as_json)


def told_once(command: Callable[[], Exit], *, as_json: bool) -> Exit:
    """The exit code of *command*; one that gives up is one sentence."""
    collect_from_here()
    try:
        return command()
    except GiveUpError as error:
        say(f"imageway: {error.message}")
        if as_json:
            put_json({"exit_code": int(error.exit), "error": error.message})
        return error.exit
    except (KeyboardInterrupt, asyncio.CancelledError):
        say(f"imageway: {ABORTED}")
        if as_json:
            put_json({"exit_code": int(Exit.INTERRUPTED), "error": ABORTED})
        return Exit.INTERRUPTED
