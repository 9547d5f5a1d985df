"""Streamed answers over HTTP: server-sent events, with comments to keep the connection open while a model draws."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any, cast

from litestar import Request
from litestar.types import HTTPResponseBodyEvent, HTTPResponseStartEvent, Receive, Scope, Send

from imageway.contract.content import BytesContent, Content
from imageway.contract.errors import ImageError
from imageway.contract.request import ImageRequest
from imageway.contract.stream import KEEP_ALIVE, ImageEvent, error_event_bytes, event_bytes
from imageway.gateway.access.callers import Caller
from imageway.gateway.engine.engine import Engine, Streamed
from imageway.gateway.engine.patience import Patience
from imageway.gateway.http.errors import answer_error, unexpected_error
from imageway.gateway.http.outcome_headers import outcome_headers
from imageway.gateway.http.presence import while_there
from imageway.gateway.http.readers import in_pieces
from imageway.gateway.http.request_id import request_id_of
from imageway.gateway.spool import Spool

__all__ = ("StreamedAnswer",)

AnyRequest = Request[Any, Any, Any]


class StreamedAnswer:
    """The answer to one call, drawn while it is sent.

    The status waits until a target has taken the call on, so that a refusal is an ordinary error answer. What goes
    wrong later is told as an `error` event, which the official clients raise.
    """

    def __init__(
        self,
        engine: Engine,
        request: AnyRequest,
        asked: ImageRequest,
        caller: Caller,
        patience: Patience,
        *,
        keep_alive_s: float,
        spool: Spool,
    ) -> None:
        self._engine = engine
        self._request = request
        self._asked = asked
        self._caller = caller
        self._patience = patience
        self._keep_alive_s = keep_alive_s
        self._spool = spool
        self._started = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await while_there(receive, self._answer(send))
        except ImageError as error:
            await self._tell(error, scope, receive, send)
        except Exception as error:  # noqa: BLE001  # the status is out; Litestar's own handler could only break the stream
            await self._tell(unexpected_error(self._request, error), scope, receive, send)

    async def _answer(self, send: Send) -> None:
        request_id = request_id_of(self._request)
        streaming = self._engine.stream(
            self._asked, request_id=request_id, caller=self._caller, patience=self._patience
        )
        async with streaming as streamed:
            await send(_head(streamed, request_id))
            self._started = True
            async with aclosing(_with_pauses(streamed.events, self._keep_alive_s)) as events:
                async for event in events:
                    content = BytesContent(KEEP_ALIVE) if event is None else self._passing(event)
                    for piece in in_pieces(content.chunks()):
                        await send(_body(piece, more=True))
        await send(_body(b""))

    def _passing(self, event: ImageEvent) -> Content:
        """*event* as it goes out, for a caller who may take its time."""
        content = self._spool.passing(event_bytes(event, self._asked.operation))
        event.fields.clear()  # whoever handed it on has it still, and its picture would be in memory twice
        return content

    async def _tell(self, error: ImageError, scope: Scope, receive: Receive, send: Send) -> None:
        if self._started:
            content = error_event_bytes(error, request_id_of(self._request))
            await send(_body(content))
        else:
            answer = answer_error(self._request, error).to_asgi_response(None, self._request)
            await answer(scope, receive, send)


def _head(streamed: Streamed, request_id: str) -> HTTPResponseStartEvent:
    headers = {
        "content-type": "text/event-stream; charset=utf-8",
        "cache-control": "no-cache",
        "x-accel-buffering": "no",
        "x-request-id": request_id,
        **outcome_headers(streamed),
    }
    return HTTPResponseStartEvent(
        type="http.response.start",
        status=200,
        headers=[(name.encode(), value.encode()) for name, value in headers.items()],
    )


def _body(content: bytes | memoryview, *, more: bool = False) -> HTTPResponseBodyEvent:
    # Servers take any buffer, and slices of megabytes would be copies.
    return HTTPResponseBodyEvent(type="http.response.body", body=cast("bytes", content), more_body=more)


async def _with_pauses(events: AsyncIterator[ImageEvent], pause_s: float) -> AsyncGenerator[ImageEvent | None, None]:
    """*events*, with None for every *pause_s* seconds in which nothing came."""
    upcoming = asyncio.ensure_future(anext(events, None))
    try:
        while True:
            done, _ = await asyncio.wait((upcoming,), timeout=pause_s)
            if not done:
                yield None
                continue
            event = upcoming.result()
            if event is None:
                return
            yield event
            upcoming = asyncio.ensure_future(anext(events, None))
    finally:
        upcoming.cancel()
        await asyncio.wait((upcoming,))
