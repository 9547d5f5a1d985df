"""Answers that go out in pieces, as fast as their caller takes them."""

from collections.abc import Mapping
from typing import cast

from litestar.types import HTTPResponseBodyEvent, HTTPResponseStartEvent, Receive, Scope, Send

from imageway.contract.content import Content
from imageway.contract.result import ImageResult
from imageway.contract.wire import result_body
from imageway.gateway.http.readers import in_pieces
from imageway.gateway.spool import Spool

__all__ = ("RelayedAnswer",)


class RelayedAnswer:
    """An answer with *content*, a JSON body unless *headers* say otherwise."""

    def __init__(self, content: Content, headers: Mapping[str, str], status: int = 200) -> None:
        told = {"content-type": "application/json", "content-length": str(content.size), **headers}
        self._status = status
        self._told = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in told.items()]
        self._chunks = content.chunks()

    @classmethod
    def of_result(cls, result: ImageResult, headers: Mapping[str, str], spool: Spool) -> "RelayedAnswer":
        """*result* in OpenAI's shape; the vendor's own answer, untouched, where that says the same."""
        content = result.as_it_came
        return cls(spool.passing(result_body(result)) if content is None else content, headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # as ASGI calls it
        await send(HTTPResponseStartEvent(type="http.response.start", status=self._status, headers=self._told))
        pieces = in_pieces(self._chunks)
        piece = next(pieces, b"")
        for following in pieces:
            await send(_body(piece, more=True))
            piece = following
        await send(_body(piece, more=False))


def _body(piece: bytes | memoryview, *, more: bool) -> HTTPResponseBodyEvent:
    # Servers take any buffer, and slices of megabytes would be copies.
    return HTTPResponseBodyEvent(type="http.response.body", body=cast("bytes", piece), more_body=more)
