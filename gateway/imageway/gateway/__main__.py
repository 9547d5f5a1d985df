"""The command `imageway-gateway`: serve, check a configuration, tell its schema, or make a caller's key."""

import argparse
import os
import signal
import socket
import sys

import msgspec
import uvicorn
from msgspec.structs import replace

from imageway.gateway.access.keyring import new_key
from imageway.gateway.app import create_app
from imageway.gateway.arguments import parsed
from imageway.gateway.assembly import assemble
from imageway.gateway.http.browser_guard import BrowserGuard
from imageway.gateway.settings import Settings, SettingsError, is_loopback, load_settings, sketch_only
from imageway.gateway.settings.schema import json_schema

__all__ = ("main",)

_DRAIN_S = 630
"""Longer than a provider's own timeout: a call that was paid for gets to its caller."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command.

    0 where all went well, 2 for a configuration that can't be used, 1 where the port or the ledger is taken.
    """
    options = parsed(arguments)
    match options.command:
        case "keys":
            return _new_key(options.name)
        case "schema":
            sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(json_schema()), indent=2) + b"\n")
            return 0
    try:
        settings = _settings(options)
        if options.command == "check":
            models = assemble(settings).registry.contracts
            _say(f"{options.config or 'no file'}: fine, {len(models)} models")
            return 0
        app = create_app(settings)
    except SettingsError as error:
        _say(str(error))
        return 2
    try:
        listening = socket.create_server(
            (settings.server.host, settings.server.port),
            family=socket.AF_INET6 if ":" in settings.server.host else socket.AF_INET,
            backlog=2048,
        )
    except OSError as error:
        _say(f"can't listen on {settings.server.host}:{settings.server.port}: {_reason(error)}")
        return 1
    host, port = listening.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    _say(f"imageway-gateway listens on http://{shown}:{port}")
    guarded = BrowserGuard(app, loopback_only=is_loopback(settings.server.host))
    config = uvicorn.Config(
        guarded,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
        timeout_graceful_shutdown=_DRAIN_S,
    )
    # uvicorn drains on either signal and then raises it anew; a drained end is a good one.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    server = uvicorn.Server(config)
    with listening:
        try:
            server.run(sockets=[listening])
        except SystemExit:
            if server.started:
                raise
            return 1  # the log has said why it can't start
    return 0


def _reason(error: OSError) -> str:
    return str(error.strerror) if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201  # a command talks to whoever typed it


def _new_key(name: str | None) -> int:
    key, digest = new_key()
    print(key)  # noqa: T201  # the one time that it is shown
    _say(
        "that is the key, shown this once; into the configuration, under keys:\n"
        f"  - {{name: {name or f'key-{digest[:8]}'}, sha256: {digest}}}"
    )
    return 0


def _settings(options: argparse.Namespace) -> Settings:
    settings = load_settings(options.config) if options.config else sketch_only()
    server = settings.server
    if options.host is not None:
        server = replace(server, host=options.host)
    if options.port is not None:
        server = replace(server, port=options.port)
    return replace(settings, server=server)


if __name__ == "__main__":
    sys.exit(main())
