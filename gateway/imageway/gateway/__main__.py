"""The command `imageway-gateway`: serve, check a configuration, tell its schema, or make a caller's key."""

import argparse
import os
import socket
import sys
from contextlib import ExitStack, nullcontext
from functools import partial

import msgspec
from litestar import Litestar
from msgspec.structs import replace
from structlog.typing import FilteringBoundLogger

from imageway.gateway.access.keyring import new_key
from imageway.gateway.allocator import keep_freed_memory
from imageway.gateway.app import create_app
from imageway.gateway.arguments import parsed
from imageway.gateway.assembly import assemble
from imageway.gateway.collector import nothing_collected
from imageway.gateway.drain import Drain
from imageway.gateway.http.browser_guard import BrowserGuard
from imageway.gateway.http.drain_gate import DrainGate
from imageway.gateway.outside import every_issue
from imageway.gateway.reload import Source, deaf_to_hang_ups
from imageway.gateway.serving import Listener, serve
from imageway.gateway.settings import Settings, SettingsError, is_loopback, load_settings, sketch_only
from imageway.gateway.settings.schema import json_schema
from imageway.gateway.telemetry.library_logs import library_logs
from imageway.gateway.telemetry.logs import logger

__all__ = ("main",)


def main(arguments: list[str] | None = None) -> int:
    """Run the command.

    0 where all went well, 2 for a configuration that can't be used, 1 where a port or the ledger is taken, or where
    calls in flight had to be cut at the end.
    """
    options = parsed(arguments)
    match options.command:
        case "keys":
            return _new_key(options.name)
        case "schema":
            sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(json_schema()), indent=2) + b"\n")
            return 0
    with deaf_to_hang_ups() if options.config else nullcontext():
        try:
            with nothing_collected():
                source = Source(partial(_settings, options), options.config)
                settings = source.load()
                if options.command == "check":
                    count = len(assemble(settings).registry.contracts)
                    _say(f"{options.config or 'no file'}: fine, {count} model{'' if count == 1 else 's'}")
                    return 0
                drain, log = Drain(), logger()
                app = create_app(settings, log=log, drain=drain, source=source if options.config else None)
        except SettingsError as error:
            _say("\n".join(issue.render() for issue in every_issue(error)))
            return 2
        return _serve(settings, app, drain, log)


def _serve(settings: Settings, app: Litestar, drain: Drain, log: FilteringBoundLogger) -> int:
    keep_freed_memory()
    server = settings.server
    with ExitStack() as stack:
        stack.enter_context(library_logs(log))
        try:
            listening = stack.enter_context(_listening(server.host, server.port))
            apart = None if server.metrics_port is None else _listening(server.host, server.metrics_port)
        except _TakenError as error:
            _say(str(error))
            return 1
        _say(f"imageway-gateway listens on {_address(listening)}")
        loopback = is_loopback(server.host)
        main = Listener(BrowserGuard(DrainGate(app, drain), loopback_only=loopback), listening, lifespan=True)
        beside = None
        if apart is not None:
            stack.enter_context(apart)
            _say(f"metrics are on {_address(apart)}/metrics")
            beside = Listener(BrowserGuard(app.state.beside, loopback_only=loopback), apart, lifespan=False)
        try:
            finished = serve(main, beside, drain, log, delay_s=server.drain_delay_s, within_s=server.drain_s)
        except SystemExit:
            return 1  # the log has said why it can't start
    return 0 if finished else 1


class _TakenError(Exception):
    """Where it can't listen."""


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise _TakenError(f"can't listen on {host}:{port}: {_reason(error)}") from error


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


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
