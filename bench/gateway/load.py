"""The callers: connections that send one prepared request again and again, over bare asyncio."""

import asyncio
from collections.abc import Sequence
from time import perf_counter
from typing import Any


class Caller(asyncio.Protocol):
    """One connection with one call at a time; whatever isn't a 200 with a whole body ends the run."""

    transport: Any

    def __init__(self) -> None:
        self._head = b""
        self._left = -1
        self._done: asyncio.Future[None] | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    async def call(self, request: Sequence[bytes]) -> None:
        self._done = asyncio.get_running_loop().create_future()
        self.transport.writelines(request)
        await self._done

    def data_received(self, data: bytes) -> None:
        if self._left < 0:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return
            head, rest = self._head[:end].lower(), len(self._head) - end - 4
            if not head.startswith(b"http/1.1 200"):
                self._end(RuntimeError(self._head[:600].decode("latin-1")))
                return
            length = next(line for line in head.split(b"\r\n") if line.startswith(b"content-length:"))
            self._left = int(length[15:]) - rest
        else:
            self._left -= len(data)
        if self._left == 0:
            self._head, self._left = b"", -1
            self._end(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(ConnectionError(f"the server hung up: {exc}"))

    def _end(self, error: Exception | None) -> None:
        if self._done is not None and not self._done.done():
            if error is None:
                self._done.set_result(None)
            else:
                self._done.set_exception(error)


async def calls(port: int, request: Sequence[bytes], *, connections: int, each: int, within_s: float = 0) -> float:
    """Seconds that *connections*, which begin evenly spread *within_s*, took for *each* calls one after the other."""
    loop = asyncio.get_running_loop()
    opened = [(await loop.create_connection(Caller, "127.0.0.1", port))[1] for _ in range(connections)]

    async def series(caller: Caller, wait_s: float) -> None:
        await asyncio.sleep(wait_s)
        for _ in range(each):
            await caller.call(request)

    started = perf_counter()
    try:
        async with asyncio.timeout(120), asyncio.TaskGroup() as group:
            for position, caller in enumerate(opened):
                group.create_task(series(caller, within_s * position / connections))
        return perf_counter() - started
    finally:
        for caller in opened:
            caller.transport.abort()


def json_call(path: str, body: bytes, key: str) -> list[bytes]:
    head = (
        f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n"
    )
    return [f"{head}content-length: {len(body)}\r\n\r\n".encode() + body]


def form_call(path: str, texts: dict[str, str], images: Sequence[bytes], key: str) -> list[bytes]:
    """A form as the official client writes it: texts first, then the files."""
    boundary = b"7f6b2d1c9e8a4f00b5c3d2e1f0a9b8c7"
    name = b"image" if len(images) == 1 else b"image[]"
    parts = [
        b'--%b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (boundary, key_.encode(), text.encode())
        for key_, text in texts.items()
    ]
    for image in images:
        parts += [
            b'--%b\r\nContent-Disposition: form-data; name="%b"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
            % (boundary, name),
            image,
            b"\r\n",
        ]
    parts.append(b"--%b--\r\n" % boundary)
    head = (
        f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {key}\r\n"
        f"content-type: multipart/form-data; boundary={boundary.decode()}\r\n"
        f"content-length: {sum(map(len, parts))}\r\n\r\n"
    )
    return [head.encode(), *parts]
