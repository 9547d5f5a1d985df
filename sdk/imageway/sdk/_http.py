"""HTTP for the SDK: the one module that its others call; httpx speaks, aiohttp carries (see `_transport`)."""

import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any, NamedTuple, TypeAlias

import httpx

from imageway.contract.errors import ErrorCode, ImageError
from imageway.sdk.errors import GatewayUnreachableError

__all__ = ("Answer", "AsgiApp", "FormPart", "Http", "same_origin")

_Message: TypeAlias = MutableMapping[str, Any]
AsgiApp: TypeAlias = Callable[
    [MutableMapping[str, Any], Callable[[], Awaitable[_Message]], Callable[[_Message], Awaitable[None]]],
    Awaitable[None],
]

_CONNECT_TIMEOUT_S = 10.0
_KEEP_ALIVE_S = 2.0
"""Shorter than servers usually wait: a connection that the server is just closing isn't picked for a paid call."""


class Answer(NamedTuple):
    """A gateway's answer, whatever its status; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class FormPart(NamedTuple):
    """A part of a multipart body; text where `filename` is None."""

    name: str
    content: bytes
    filename: str | None = None
    media_type: str | None = None


class Http:
    """Calls to one gateway, over the network or into an ASGI application of this process.

    No redirects, no retries. Whatever fails is an `ImageError`: `GatewayUnreachableError` where nothing was sent,
    `may_have_billed` where a paid call may have arrived.
    """

    def __init__(
        self, base_url: str, *, headers: Mapping[str, str], read_timeout_s: float, app: AsgiApp | None = None
    ) -> None:
        self.base_url = base_url
        self._headers = {"accept": "*/*", "accept-encoding": "identity", **headers}
        self._read_timeout_s = read_timeout_s
        self._app = app
        self._opened: httpx.AsyncBaseTransport | None = None

    async def get(self, url: str, *, max_bytes: int) -> Answer:
        return await self._call("GET", url, {}, max_bytes=max_bytes)

    async def post_json(self, url: str, body: bytes, *, headers: Mapping[str, str], max_bytes: int) -> Answer:
        headers = {**headers, "content-type": "application/json"}
        return await self._call("POST", url, {"content": body, "headers": headers}, max_bytes=max_bytes)

    async def post_form(
        self, url: str, parts: Iterable[FormPart], *, headers: Mapping[str, str], max_bytes: int
    ) -> Answer:
        files = [(part.name, (part.filename, part.content, part.media_type)) for part in parts]
        return await self._call("POST", url, {"files": files, "headers": dict(headers)}, max_bytes=max_bytes)

    async def aclose(self) -> None:
        if self._opened is not None:
            await self._opened.aclose()
            self._opened = None

    async def _call(self, method: str, url: str, body: dict[str, Any], *, max_bytes: int) -> Answer:
        paid = method == "POST"
        try:
            request = httpx.Request(
                method, url, **{**body, "headers": {**_trace_context(), **self._headers, **body.get("headers", {})}}
            )
            # Without httpx's client, which has redirects, cookies and logins for each call.
            reply = await self._transport().handle_async_request(request)
            try:
                content = await _bounded(reply, max_bytes, paid=paid)
            finally:
                await reply.aclose()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._translated(error, paid=paid) from error
        return Answer(reply.status_code, reply.headers, content)

    def _transport(self) -> httpx.AsyncBaseTransport:
        if self._opened is None:
            self._opened = self._open()
        return self._opened

    def _open(self) -> httpx.AsyncBaseTransport:
        if self._app is not None:
            return httpx.ASGITransport(app=self._app, raise_app_exceptions=False)
        # Loaded by the first call only: it costs as much as all else.
        from imageway.sdk._transport import AiohttpTransport

        return AiohttpTransport(
            connect_timeout_s=_CONNECT_TIMEOUT_S, read_timeout_s=self._read_timeout_s, keep_alive_s=_KEEP_ALIVE_S
        )

    def _translated(self, error: httpx.HTTPError | httpx.InvalidURL, *, paid: bool) -> ImageError:
        reason = str(error) or type(error).__name__
        match error:
            case (
                httpx.ConnectError()
                | httpx.ConnectTimeout()
                | httpx.PoolTimeout()
                | httpx.ProxyError()
                | httpx.UnsupportedProtocol()
                | httpx.LocalProtocolError()
                | httpx.InvalidURL()
            ):
                return GatewayUnreachableError(f"can't reach the gateway at {self.base_url}: {reason}")
            case httpx.TimeoutException():
                return ImageError(
                    ErrorCode.UPSTREAM_TIMEOUT,
                    f"The gateway at {self.base_url} didn't answer within {self._read_timeout_s:g} seconds.",
                    may_have_billed=paid,
                )
            case _:
                return ImageError(
                    ErrorCode.UPSTREAM_UNAVAILABLE,
                    f"The connection to the gateway at {self.base_url} broke off: {reason}",
                    may_have_billed=paid,
                )


def _trace_context() -> dict[str, str]:
    """The caller's trace, where the program traces; one that doesn't has never loaded the library, nor does it here."""
    if "opentelemetry.trace" not in sys.modules:
        return {}
    from opentelemetry import propagate

    carried: dict[str, str] = {}
    propagate.inject(carried)
    return carried


async def _bounded(reply: httpx.Response, max_bytes: int, *, paid: bool) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in reply.aiter_bytes():
        size += len(chunk)
        if size > max_bytes:
            raise ImageError(
                ErrorCode.PAYLOAD_TOO_LARGE,
                f"The gateway's answer is larger than {max_bytes} bytes.",
                may_have_billed=paid,
            )
        chunks.append(chunk)
    return b"".join(chunks)


def same_origin(url: str, other: str) -> bool:
    """Whether the two have scheme, host and port in common."""
    try:
        first, second = httpx.URL(url), httpx.URL(other)
    except httpx.InvalidURL:
        return False
    return _origin(first) == _origin(second)


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port or {"http": 80, "https": 443}.get(url.scheme)
