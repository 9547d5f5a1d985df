"""Server-sent events: bytes in any cut to events. Megabytes arrive in one line, so nothing is scanned twice."""

import re
from collections.abc import Callable

from msgspec import Struct

__all__ = ("EventTooLargeError", "ServerSentEvent", "SseDecoder")

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LINE_END = re.compile(rb"\r\n|\n|\r")


class ServerSentEvent(Struct, frozen=True, kw_only=True):
    """One event; `type` is empty where the sender named none."""

    type: str
    data: bytes


class EventTooLargeError(ValueError):
    """An event outgrew the decoder's limit."""


class SseDecoder:
    """Events out of chunks, as the HTML standard reads them; comments and unknown fields are skipped.

    Raises `EventTooLargeError` where the lines of one event hold more than *max_bytes*, after the events before it. It
    keeps nothing of the events that it gives out.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._line = bytearray()
        self._scanned = 0
        self._started = False
        self._type = ""
        self._data: list[bytes] = []
        self._size = 0
        self._failed: EventTooLargeError | None = None

    def feed(self, chunk: bytes) -> list[ServerSentEvent]:
        """The events that *chunk* completes."""
        found: list[ServerSentEvent] = []
        self._guarded(found, lambda: self._feed(chunk, found))
        return found

    def close(self) -> list[ServerSentEvent]:
        """The event that the sender's end left without its blank line, if it has data. A picture may be in it."""
        found: list[ServerSentEvent] = []
        self._guarded(found, lambda: self._end(found))
        return found

    def _guarded(self, found: list[ServerSentEvent], work: Callable[[], None]) -> None:
        if self._failed is None:
            try:
                work()
            except EventTooLargeError as error:
                self._failed = error
        if self._failed is not None and not found:
            raise self._failed

    def _feed(self, chunk: bytes, found: list[ServerSentEvent]) -> None:
        self._line += chunk
        if not self._started and len(self._line) >= len(_BYTE_ORDER_MARK):
            self._started = True
            self._line = self._line.removeprefix(_BYTE_ORDER_MARK)
            self._scanned = 0
        start = 0
        while (end := _LINE_END.search(self._line, self._scanned)) is not None:
            if end[0] == b"\r" and end.end() == len(self._line):
                break  # its \n may come with the next chunk
            self._take(bytes(memoryview(self._line)[start : end.start()]), found)
            start = self._scanned = end.end()
        del self._line[:start]
        self._scanned = max(0, len(self._line) - 1)
        self._grown(len(self._line))

    def _end(self, found: list[ServerSentEvent]) -> None:
        self._take(bytes(self._line).rstrip(b"\r"), found)
        self._take(b"", found)

    def _take(self, line: bytes, found: list[ServerSentEvent]) -> None:
        if not line:
            if self._data:
                found.append(ServerSentEvent(type=self._type, data=b"\n".join(self._data)))
            self._type, self._data, self._size = "", [], 0
            return
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        self._size += len(value)
        self._grown(0)
        if name == b"event":
            self._type = value.decode(errors="replace")
        elif name == b"data":
            self._data.append(value)

    def _grown(self, unfinished: int) -> None:
        if self._size + unfinished > self._max_bytes:
            raise EventTooLargeError(f"an event has more than {self._max_bytes} bytes")
