"""A real Redis on a free port of loopback, for as long as a `with` block lasts."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from components import require


class RedisServer:
    """`url` is its address, `process` the server, which a test may kill."""

    def __init__(self, url: str, process: subprocess.Popen[str]) -> None:
        self.url = url
        self.process = process

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def serving_redis(folder: Path, *options: str) -> Iterator[RedisServer]:
    """A server that keeps its files in *folder*; *options* are those of its command line."""
    program = require("redis-server")
    for _ in range(5):
        port = _free_port()
        command = [program, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", "", *options]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            ready = any("Ready to accept connections" in line for line in process.stdout)
            try:
                if ready:
                    yield RedisServer(f"redis://127.0.0.1:{port}/0", process)
                    return
            finally:
                process.kill()
    raise RuntimeError("redis-server did not start")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
