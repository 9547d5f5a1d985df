"""The process around the application: it listens, drains when it is told to end, and ends."""

import asyncio
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from structlog.typing import FilteringBoundLogger
from typing_extensions import override

from imageway.gateway.connection import Connection
from imageway.gateway.drain import Drain

__all__ = ("Listener", "serve")

_IDLE_S = 75
"""Longer than clients and load balancers keep a connection that they don't use (5 to 60 seconds): whoever ends it first
shouldn't be the one that the next call is on its way to.
"""

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Listener(uvicorn.Server):
    """An ASGI application on a socket that listens already. Signals are left to `serve`."""

    def __init__(self, app: Any, listening: socket.socket, *, lifespan: bool) -> None:  # noqa: ANN401
        config = uvicorn.Config(
            app,
            http=Connection,
            timeout_keep_alive=_IDLE_S,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="on" if lifespan else "off",
        )
        super().__init__(config)
        self._listening = listening

    @override
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def until_ended(self) -> None:
        await self.serve(sockets=[self._listening])

    def end(self, within_s: float) -> None:
        """Take no more connections, and wait for what is left of the answers for *within_s* seconds at most."""
        self.config.timeout_graceful_shutdown = max(1, round(within_s))
        self.should_exit = True


def serve(
    main: Listener,
    beside: Listener | None,
    drain: Drain,
    log: FilteringBoundLogger,
    *,
    delay_s: float,
    within_s: float,
) -> bool:
    """Serve until a signal says to end, and drain; whether every call in flight was finished.

    New calls get in for *delay_s* more seconds, then those in flight have *within_s*. *beside* serves to the last. A
    second signal ends the process at once. Raises `SystemExit` where *main* can't start.
    """
    with asyncio.Runner(loop_factory=main.config.get_loop_factory()) as runner:
        return runner.run(_served(main, beside, drain, log, delay_s, within_s))


async def _served(
    main: Listener, beside: Listener | None, drain: Drain, log: FilteringBoundLogger, delay_s: float, within_s: float
) -> bool:
    told = _told_to_end(drain)
    serving = asyncio.ensure_future(main.until_ended())
    serving_beside = asyncio.ensure_future(beside.until_ended()) if beside else None
    await asyncio.wait((serving, told), return_when=asyncio.FIRST_COMPLETED)
    log.info("drain.begun", in_flight=drain.in_flight, delay_s=delay_s, within_s=within_s)
    await asyncio.wait((serving,), timeout=delay_s)
    drain.close()
    await drain.finished(within_s)
    main.end(drain.left_s() or 0)
    await serving
    if beside and serving_beside:
        beside.end(0)
        await serving_beside
    if drain.cut:
        log.error("drain.cut", refused=drain.refused)
    else:
        log.info("drain.finished", refused=drain.refused)
    return not drain.cut


def _told_to_end(drain: Drain) -> asyncio.Future[None]:
    """Done, and *drain* begun, when the first signal comes; the next one finds nobody and kills."""
    loop = asyncio.get_running_loop()
    told: asyncio.Future[None] = loop.create_future()

    def begin() -> None:
        drain.begin()
        if not told.done():
            told.set_result(None)

    def heard(*_: object) -> None:
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        loop.call_soon_threadsafe(begin)

    for number in _SIGNALS:
        signal.signal(number, heard)
    return told
