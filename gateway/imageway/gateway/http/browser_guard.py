"""Keeps web pages from spending the operator's money: browsers let any page send requests to a server on loopback."""

import re
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from imageway.contract.errors import ErrorCode, ImageError, reaction
from imageway.contract.wire import error_body
from imageway.gateway.settings import is_loopback

__all__ = ("BrowserGuard",)

_PICTURE = re.compile(r"/files/[^/]+")


class BrowserGuard:
    """An ASGI application that refuses other sites' pages before *app* sees them.

    A request that names an `Origin` must come from the server's own, except for links to pictures: those are meant for
    other pages, spend nothing and can't be guessed. With *loopback_only* the `Host` must always be a loopback name,
    or a page could rebind its own name to this machine.
    """

    def __init__(self, app: Any, *, loopback_only: bool) -> None:  # noqa: ANN401  # ASGI has no one type for it
        self._app = app
        self._loopback_only = loopback_only

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401
        fault = self._fault(scope) if scope["type"] == "http" else ""
        if not fault:
            await self._app(scope, receive, send)
            return
        error = ImageError(ErrorCode.FORBIDDEN, fault)
        headers = [(b"content-type", b"application/json"), (b"x-should-retry", b"false")]
        await send({"type": "http.response.start", "status": reaction(error.code).status, "headers": headers})
        await send({"type": "http.response.body", "body": error_body(error)})

    def _fault(self, scope: Any) -> str:  # noqa: ANN401
        headers = {name: value.decode("latin-1") for name, value in scope["headers"] if name in (b"host", b"origin")}
        host, origin = headers.get(b"host", ""), headers.get(b"origin")
        foreign = origin is not None and (origin == "null" or _netloc(origin) != host.lower())
        if foreign and not _looks_at_a_picture(scope):
            return "Pages of other sites can't use this gateway from a browser."
        if self._loopback_only and host and not _is_here(host):
            return "This gateway is for this machine only: call it by a loopback name, such as 127.0.0.1."
        return ""


def _looks_at_a_picture(scope: Any) -> bool:  # noqa: ANN401
    return scope["method"] in ("GET", "HEAD") and _PICTURE.fullmatch(scope["path"]) is not None


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


@lru_cache(maxsize=16)  # few, as callers choose them
def _is_here(host: str) -> bool:
    return is_loopback(_name(host))


def _name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
