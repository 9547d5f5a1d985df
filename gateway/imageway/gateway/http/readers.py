"""Callers who don't take their answers are left, so that nothing is held for nobody."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from litestar.types import ASGIApp, Message, Receive, Scope, Send
from structlog.typing import FilteringBoundLogger

from imageway.gateway.http.presence import gone

__all__ = ("HANG_UP", "NobodyReadsError", "in_pieces", "leaving_idle_readers")

HANG_UP = "imageway.hang_up"
"""The ASGI extension of a server that can cut a connection without writing what lies in its buffer."""

_NOTICED_S = 1.0
_PIECE_BYTES = 1 << 19
"""So much at a time that a caller who reads slowly gets it in time."""

_LAST_BYTES = 1 << 16
"""What a server may have to hold for a caller who doesn't read, when the rest is let go of."""


class NobodyReadsError(BaseException):
    """A caller took nothing of its answer for too long. Like a cancellation it says nothing of what was going on."""


def leaving_idle_readers(after_s: float, log: FilteringBoundLogger) -> Any:  # noqa: ANN401  # as Litestar types it
    """Middleware that hangs up on a caller who lets a piece of its answer lie for *after_s* seconds.

    Whoever was sending hears `NobodyReadsError`, whatever kind of answer it was.
    """

    def wrapped(app: ASGIApp) -> ASGIApp:
        async def bounded(scope: Scope, receive: Receive, send: Send) -> None:
            async def sending(message: Message) -> None:
                try:
                    async with asyncio.timeout(after_s):
                        await send(message)
                except TimeoutError:
                    raise NobodyReadsError from None

            try:
                await app(scope, receive, sending)
            except NobodyReadsError:
                # Where the server can't cut the connection, it closes what was left without an end.
                extensions: dict[str, Any] = scope.get("extensions") or {}
                if HANG_UP in extensions:
                    extensions[HANG_UP]()
                    with suppress(TimeoutError):  # a server may not tell it to calls that others wait behind
                        async with asyncio.timeout(_NOTICED_S):
                            await gone(receive)
                state: dict[str, Any] = scope.get("state") or {}
                log.info("caller.idle", request_id=state.get("imageway_request_id"), path=scope["path"])

        return bounded

    return wrapped


def in_pieces(chunks: Iterable[bytes | memoryview]) -> Iterator[bytes | memoryview]:
    """What is large in several pieces, each to be sent by itself.

    A server takes the last one, which is small, when the caller has taken the others, and not before.
    """
    for chunk in chunks:
        if len(chunk) <= _LAST_BYTES:
            yield chunk
            continue
        view = memoryview(chunk)
        at, last = 0, len(view) - _LAST_BYTES
        while at < last:
            yield view[at : min(at + _PIECE_BYTES, last)]
            at += _PIECE_BYTES
        yield view[last:]
