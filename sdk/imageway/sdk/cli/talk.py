"""How commands speak: sentences on stderr, data on stdout, and exit codes."""

import json
import sys
from enum import IntEnum

from imageway.contract.request import JsonValue

__all__ = ("ABORTED", "Exit", "GiveUpError", "counted", "put", "put_json", "put_told", "say")


ABORTED = "aborted; what was finished before is written"


class Exit(IntEnum):
    """What the command's exit code means."""

    FINE = 0
    BUG = 1
    UNUSABLE = 2
    SOME_FAILED = 3
    NO_GATEWAY = 4
    LIMIT_REACHED = 5
    FAILING = 6
    INTERRUPTED = 130
    TERMINATED = 143


class GiveUpError(Exception):
    """The command can't go on; `message` is one sentence, `exit` the code."""

    def __init__(self, exit_: Exit, message: str) -> None:
        super().__init__(message)
        self.exit = exit_
        self.message = message


def say(text: str) -> None:
    """A line on stderr. What a terminal would obey rather than print is made visible."""
    visible = _visible(text, kept="\n")
    sys.stderr.write(f"{visible}\n")
    sys.stderr.flush()


def put(text: str) -> None:
    """A line on stdout."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def put_told(*cells: str) -> None:
    """A line on stdout of what records and models said, separated by tabs; it stays one line, as for `say`."""
    put("\t".join(_visible(cell) for cell in cells))


def put_json(value: dict[str, JsonValue]) -> None:
    """The final object of `--json`: one line, plain ASCII so that every terminal and pipe can carry it."""
    put(json.dumps(value))


def counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _visible(text: str, *, kept: str = "") -> str:
    return "".join(sign if sign.isprintable() or sign in kept else "\N{REPLACEMENT CHARACTER}" for sign in text)
