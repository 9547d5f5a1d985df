"""ASGI applications on a real server on loopback, on a free port, for as long as a `with` block lasts."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn


class _Server(uvicorn.Server):
    """Tells when it listens, or has given up."""

    def __init__(self, config: uvicorn.Config, listening: socket.socket | None) -> None:
        super().__init__(config)
        self._listening = listening
        self.settled = threading.Event()

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self.settled.set()

    def run_in_thread(self) -> None:
        try:
            self.run(sockets=[self._listening] if self._listening else None)
        finally:
            self.settled.set()


@contextmanager
def serving(
    app: Any, *, lifespan: str = "off", http: Any = "auto", listening: socket.socket | None = None
) -> Iterator[str]:
    """The base URL of *app*, which runs in a thread of its own; *http* is its protocol, *listening* its socket."""
    server = _Server(
        uvicorn.Config(
            app,
            host="127.0.0.1",
            port=0,
            log_config=None,
            lifespan=lifespan,
            http=http,
            timeout_graceful_shutdown=5,
        ),
        listening,
    )
    thread = threading.Thread(target=server.run_in_thread, daemon=True)
    thread.start()
    if not server.settled.wait(timeout=20) or not server.started:
        raise RuntimeError("the server did not start")
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=20)
