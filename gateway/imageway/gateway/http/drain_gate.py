"""Calls at a gateway that is about to end: late ones are refused unread, those in flight hold it up."""

from asyncio import CancelledError
from typing import Any

from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.wire import error_body
from imageway.gateway.drain import Drain

__all__ = ("DrainGate",)

_RETRY_AFTER_S = 1
_LATE = ImageError(
    ErrorCode.UPSTREAM_UNAVAILABLE, "The gateway is shutting down; nothing was sent. Send the request again."
)
_CUT = ImageError(
    ErrorCode.UPSTREAM_TIMEOUT,
    "The gateway shut down before this call was answered: it may have been drawn and charged for.",
    may_have_billed=True,
)
_CLOSE = (b"connection", b"close")


class DrainGate:
    """An ASGI application that lets calls (whatever is posted) through to *app* as *drain* says.

    From its beginning on, every answer closes its connection, so that callers' pools let go of this gateway.
    """

    def __init__(self, app: Any, drain: Drain) -> None:  # noqa: ANN401  # ASGI has no one type for it
        self._app = app
        self._drain = drain

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        drain, started = self._drain, False

        async def sending(message: Any) -> None:  # noqa: ANN401
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                if drain.begun:
                    message = {**message, "headers": [*message.get("headers", ()), _CLOSE]}
            await send(message)

        if scope["method"] != "POST":
            await self._app(scope, receive, sending)
            return
        if drain.closed:
            drain.refused += 1
            await _answer(send, 503, _LATE, [(b"retry-after", b"%d" % _RETRY_AFTER_S), (b"x-should-retry", b"true")])
            return
        task = drain.enter()
        try:
            await self._app(scope, receive, sending)
        except CancelledError:
            if started or not drain.cut:
                raise
            await _answer(send, 504, _CUT, [(b"x-should-retry", b"false")])
        finally:
            drain.leave(task)


async def _answer(send: Any, status: int, error: ImageError, headers: list[tuple[bytes, bytes]]) -> None:  # noqa: ANN401
    headers = [(b"content-type", b"application/json"), _CLOSE, *headers]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": error_body(error)})
