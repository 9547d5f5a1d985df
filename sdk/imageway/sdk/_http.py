"""HTTP for the SDK: the one module that its others call.

Over the network aiohttp carries (see `_transport`); httpx writes forms, and speaks to applications of this process.
"""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias, cast

import httpx

from imageway.contract.errors import ErrorCode, ImageError
from imageway.sdk.errors import GatewayUnreachableError

if TYPE_CHECKING:
    from imageway.sdk._transport import Carrier

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


class _Body(Protocol):
    """What is read as it comes, once, and closed."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def aclose(self) -> None: ...


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
        self._carrier: Carrier | None = None

    async def get(self, url: str, *, max_bytes: int) -> Answer:
        return await self._call("GET", url, headers={}, content=b"", max_bytes=max_bytes)

    async def post_json(self, url: str, body: bytes, *, headers: Mapping[str, str], max_bytes: int) -> Answer:
        headers = {**headers, "content-type": "application/json"}
        return await self._call("POST", url, headers=headers, content=body, max_bytes=max_bytes)

    async def post_form(
        self, url: str, parts: Iterable[FormPart], *, headers: Mapping[str, str], max_bytes: int
    ) -> Answer:
        files = [(part.name, (part.filename, part.content, part.media_type)) for part in parts]
        form = httpx.Request("POST", self.base_url, files=files)
        headers = {**headers, "content-type": form.headers["content-type"]}
        return await self._call("POST", url, headers=headers, content=form.read(), max_bytes=max_bytes)

    async def aclose(self) -> None:
        if self._carrier is not None:
            await self._carrier.aclose()
            self._carrier = None

    async def _call(
        self, method: str, url: str, *, headers: Mapping[str, str], content: bytes, max_bytes: int
    ) -> Answer:
        paid = method == "POST"
        headers = {**_trace_context(), **self._headers, **headers}
        try:
            status, told, body = await self._sent(method, url, headers=headers, content=content)
            try:
                return Answer(status, told, await _bounded(body, max_bytes, paid=paid))
            finally:
                await body.aclose()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._translated(error, paid=paid) from error

    async def _sent(
        self, method: str, url: str, *, headers: Mapping[str, str], content: bytes
    ) -> tuple[int, Mapping[str, str], _Body]:
        if self._app is not None:
            return await _sent_inside(self._app, httpx.Request(method, url, headers=headers, content=content))
        if self._carrier is None:
            # Loaded by the first call only: it costs as much as all else.
            from imageway.sdk._transport import Carrier

            self._carrier = Carrier(
                connect_timeout_s=_CONNECT_TIMEOUT_S, read_timeout_s=self._read_timeout_s, keep_alive_s=_KEEP_ALIVE_S
            )
        return await self._carrier.sent(method, url, headers=headers, content=content)

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


async def _sent_inside(app: AsgiApp, request: httpx.Request) -> tuple[int, Mapping[str, str], _Body]:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    reply = await transport.handle_async_request(request)
    return reply.status_code, reply.headers, cast("httpx.AsyncByteStream", reply.stream)


async def _bounded(answer: _Body, max_bytes: int, *, paid: bool) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in answer:
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
