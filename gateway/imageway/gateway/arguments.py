"""The command line of `imageway-gateway`."""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

from imageway.contract.version import __version__
from imageway.gateway.access.keyring import KEY_NAME

__all__ = ("parsed",)

_HIGHEST_PORT = 65_535
_LEFT_OUT = argparse.SUPPRESS
"""For options that come after a command: left out there, they don't undo those before it."""


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """What was asked for: `command` (serve, check, schema, keys), and `config`, `host`, `port` or `name`.

    Exits with 2 and a word on standard error where it can't be understood.
    """
    parser = argparse.ArgumentParser(
        prog="imageway-gateway",
        description="Serve image models over HTTP in OpenAI's dialect. Without a file: the offline provider 'sketch'"
        " alone, on loopback, every model of the catalogue by its name.",
        epilog="Exit status: 0 all went well, 1 the port or the ledger is taken, 2 the configuration or the command"
        " line can't be used.",
    )
    parser.set_defaults(command="serve")
    parser.add_argument("--version", action="version", version=f"imageway {__version__}")
    _serving(parser)
    commands = parser.add_subparsers(metavar="COMMAND", title="commands")
    serve = commands.add_parser(
        "serve", help="listen and serve; what happens without a command", argument_default=_LEFT_OUT
    )
    serve.set_defaults(command="serve")
    _serving(serve)
    check = commands.add_parser(
        "check", help="tell every problem of a configuration; start nothing", argument_default=_LEFT_OUT
    )
    check.set_defaults(command="check")
    _serving(check)
    schema = commands.add_parser("schema", help="print the JSON schema of configurations", argument_default=_LEFT_OUT)
    schema.set_defaults(command="schema")
    keys = commands.add_parser("keys", help="keys of callers", argument_default=_LEFT_OUT)
    actions = keys.add_subparsers(metavar="ACTION", title="actions", required=True)
    new = actions.add_parser("new", help="make a key, print it once, and tell the line for the configuration")
    new.set_defaults(command="keys")
    new.add_argument("--name", type=_key_name, help="what the log and the metrics call its holder")
    return parser.parse_args(arguments)


def _serving(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", help="the configuration, YAML")
    parser.add_argument("--host", help="listen here instead of where the configuration says")
    parser.add_argument("--port", type=_port, help="likewise; 0 picks a free one")


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > _HIGHEST_PORT:
        raise argparse.ArgumentTypeError(f"'{text}' is no port; ports are 0 to {_HIGHEST_PORT}")
    return int(text)


def _key_name(text: str) -> str:
    if not re.fullmatch(KEY_NAME, text) or len(text) > 64:
        raise argparse.ArgumentTypeError(f"'{text}' is no name: letters, digits, '.', '_' and '-', up to 64 of them")
    return text
