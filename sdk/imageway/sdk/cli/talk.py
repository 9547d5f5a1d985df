"""How commands speak: sentences on stderr, data on stdout, and exit codes."""

import json
import os
import sys
from enum import IntEnum
from typing import TextIO

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
    try:
        sys.stderr.write(f"{visible}\n")
        sys.stderr.flush()
    except OSError:  # nobody listens any more, and what goes on mustn't end for that
        _silence(sys.stderr)


def put(text: str) -> None:
    """A line on stdout. Whoever has stopped reading wants no more; raises `GiveUpError` where it can't be written."""
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        _silence(sys.stdout)
    except OSError as error:
        _silence(sys.stdout)
        reason = error.strerror or type(error).__name__
        raise GiveUpError(Exit.SOME_FAILED, f"standard output can't be written: {reason}") from error


def put_told(*cells: str) -> None:
    """A line on stdout of what records and models said, separated by tabs; it stays one line, as for `say`."""
    put("\t".join(_visible(cell) for cell in cells))


def put_json(value: dict[str, JsonValue]) -> None:
    """The final object of `--json`: one line, plain ASCII so that every terminal and pipe can carry it."""
    put(json.dumps(value))


def _silence(stream: TextIO) -> None:
    """Lead what is written from now on, and what is still held back, to nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, stream.fileno())
    finally:
        os.close(nowhere)


def counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _visible(text: str, *, kept: str = "") -> str:
    return "".join(sign if sign.isprintable() or sign in kept else "\N{REPLACEMENT CHARACTER}" for sign in text)
