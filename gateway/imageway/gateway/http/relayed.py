"""Answers that go out in pieces, as fast as their caller takes them."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, cast

from litestar import Litestar, Request, Response
from litestar.response.base import ASGIResponse
from litestar.types import HTTPResponseBodyEvent, HTTPResponseStartEvent, Receive, Scope, Send
from typing_extensions import override

from imageway.contract.result import ImageResult
from imageway.contract.wire import result_body

__all__ = ("RelayedAnswer",)

_LAST_BYTES = 1 << 16
"""What a server may have to hold for a caller who doesn't read, when the rest is let go of."""

_PATIENCE_S = 60.0
"""How long a caller may take for a piece, while the answer keeps its place and its room."""


class RelayedAnswer(Response[bytes]):
    """*result* in OpenAI's shape; the vendor's own answer, untouched, where that says the same."""

    def __init__(self, result: ImageResult, headers: Mapping[str, str]) -> None:
        super().__init__(b"")
        content = result.as_it_came
        body = result_body(result) if content is None else b""
        size = len(body) if content is None else content.size
        told = {"content-type": "application/json", "content-length": str(size), **headers}
        self._relay = _Relay(told, (body,) if content is None else content.chunks())

    @override
    def to_asgi_response(self, app: Litestar | None, request: Request[Any, Any, Any], **options: Any) -> ASGIResponse:
        return self._relay


class _Relay(ASGIResponse):
    """An answer in *chunks*, which is broken off where its caller takes nothing of it for *patience_s*."""

    def __init__(
        self, headers: Mapping[str, str], chunks: Iterable[bytes | memoryview], *, patience_s: float = _PATIENCE_S
    ) -> None:
        super().__init__()
        self._patience_s = patience_s
        self._told = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        self._chunks = chunks

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send(HTTPResponseStartEvent(type="http.response.start", status=200, headers=self._told))
        pieces = _pieces(self._chunks)
        piece = next(pieces, b"")
        with suppress(TimeoutError):  # the server hangs up where an answer isn't whole
            for following in pieces:
                async with asyncio.timeout(self._patience_s):
                    await send(_body(piece, more=True))
                piece = following
            async with asyncio.timeout(self._patience_s):
                await send(_body(piece, more=False))


def _body(piece: bytes | memoryview, *, more: bool) -> HTTPResponseBodyEvent:
    # Servers take any buffer, and slices of megabytes would be copies.
    return HTTPResponseBodyEvent(type="http.response.body", body=cast("bytes", piece), more_body=more)


def _pieces(chunks: Iterable[bytes | memoryview]) -> Iterator[bytes | memoryview]:
    """What is large in two pieces: a server takes the last one when the caller has taken the others, and not before."""
    for chunk in chunks:
        if len(chunk) <= _LAST_BYTES:
            yield chunk
        else:
            view = memoryview(chunk)
            yield view[:-_LAST_BYTES]
            yield view[-_LAST_BYTES:]
