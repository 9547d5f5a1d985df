"""One connection of a caller: uvicorn's HTTP/1.1, with bounds for what isn't a request yet, and an end that is one."""

import asyncio
import re
import socket
import struct
from contextlib import suppress
from typing import Any

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.wire import error_body
from imageway.gateway.http.readers import HANG_UP

__all__ = ("Connection",)

_LARGEST_HEAD_BYTES = 65_536
_MOST_WAITING = 16
"""Requests that were sent before the answer to an earlier one."""

_UPGRADE = re.compile(rb"\r\nupgrade:", re.IGNORECASE)
_AT_ONCE = struct.pack("ii", 1, 0)
_HEAD_TOO_LARGE = error_body(
    ImageError(
        ErrorCode.PAYLOAD_TOO_LARGE, f"The head of the request is longer than the {_LARGEST_HEAD_BYTES} bytes allowed."
    )
)


class Connection(HttpToolsProtocol):
    """Hangs up where a request's head, or what may follow its body, is too long, and where a head takes `head_s`.

    uvicorn itself would gather any head, and wait for it for ever, without asking for a key.
    """

    head_s = 80.0

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401  # the base class's own
        super().__init__(*args, **options)
        self._bare_bytes = 0
        self._moved = False
        self._between = True
        self._lost = False
        self._overdue: asyncio.TimerHandle | None = None
        self._unfinished: list[RequestResponseCycle] = []

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the base class has it
        super().connection_made(transport)
        self._await_head()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        self._head_is_here()
        # The base class tells the last request alone, and another may be answered before it.
        for cycle in self._unfinished:
            cycle.disconnected = True
            cycle.message_event.set()
        self._unfinished.clear()
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        # Anything but the first piece of a head may be a body, which stays as it is.
        if self._between:
            data = _staying(data)
        self._moved = False
        super().data_received(data)
        # Bytes of a body have a bound of their own.
        self._bare_bytes = 0 if self._moved else self._bare_bytes + len(data)
        if self._bare_bytes > _LARGEST_HEAD_BYTES and not self.transport.is_closing():
            self._refuse_head()

    @override
    def on_message_begin(self) -> None:
        self._between = False
        super().on_message_begin()
        extensions: dict[str, Any] = {HANG_UP: self._hang_up}
        self.scope["extensions"] = extensions

    @override
    def on_headers_complete(self) -> None:
        self._moved = True
        self._head_is_here()
        super().on_headers_complete()
        self._unfinished = [cycle for cycle in self._unfinished if not cycle.response_complete]
        self._unfinished.append(self.cycle)
        if len(self.pipeline) > _MOST_WAITING:
            self._hang_up()
        elif self.pipeline:
            self.flow.resume_reading()  # or nobody would see the caller leave

    @override
    def on_body(self, body: bytes) -> None:
        self._moved = True
        super().on_body(body)

    @override
    def on_message_complete(self) -> None:
        self._between = True
        super().on_message_complete()

    @override
    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.cycle.response_complete:
            self._await_head()

    def _await_head(self) -> None:
        """Or the connection's end, which may wait for a caller to read the last of an answer."""
        self._head_is_here()
        if not self._lost:
            self._overdue = self.loop.call_later(self.head_s, self._hang_up)

    def _head_is_here(self) -> None:
        if self._overdue is not None:
            self._overdue.cancel()
            self._overdue = None

    def _refuse_head(self) -> None:
        if any(not cycle.response_complete for cycle in self._unfinished):
            self._hang_up()
            return
        head = (
            b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: application/json\r\nconnection: close\r\n"
        )
        self.transport.write(b"%bcontent-length: %d\r\n\r\n%b" % (head, len(_HEAD_TOO_LARGE), _HEAD_TOO_LARGE))
        self.transport.close()

    def _hang_up(self) -> None:
        """End it now: an orderly end would wait for a caller to read what it doesn't."""
        connection = self.transport.get_extra_info("socket")
        with suppress(OSError):  # it is closed already
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)  # nor is the kernel's buffer kept
        self.transport.abort()


def _staying(data: bytes) -> bytes:
    """*data*, which begins with a head, without the wish for another protocol, which servers may pass over.

    Java's client wishes for HTTP/2 with its first request on a connection, and httptools gives up its body then. The
    name that hides it is as long: no length that a head tells may be wrong afterwards.
    """
    end = data.find(b"\r\n\r\n")
    end = len(data) if end < 0 else end
    if _UPGRADE.search(data, 0, end) is None:
        return data
    return _UPGRADE.sub(b"\r\nx-grade:", data[:end]) + data[end:]
