"""Calls to the vendor: the `openai` client says where they go and as whom, aiohttp carries them.

That client's own way from arguments to an answer costs ten times as much as aiohttp's, and has every picture in memory
several times. So it is asked once for each address what it would send, and that is kept.
"""

import ssl
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx2
from msgspec import Struct
from typing_extensions import override
from yarl import URL

from imageway.contract.errors import ErrorCode, ImageError
from imageway.providers._api_errors import connection_error, status_error
from imageway.providers.outgoing import outgoing_headers

if TYPE_CHECKING:
    from openai import AsyncOpenAI

__all__ = ("Body", "Carrier", "Pieces", "describing_client", "read")

_READ_BYTES = 1 << 19
"""How much of an answer may lie unread. Half a megabyte spares trips through the event loop."""

_LONGEST_REFUSAL_BYTES = 1 << 20
_LONGEST_ANSWER_BYTES = 1 << 28
"""Of one that is held in memory; whoever passes answers on has a store, with a bound of its own."""

_SET_HERE = frozenset(("host", "content-length", "content-type", "accept-encoding"))


class Body(Struct, frozen=True):
    """What is sent. `content` is made anew for each call; `size` is in bytes."""

    media_type: str
    size: int
    content: bytes | AsyncIterable[bytes | memoryview]


class _Address(Struct, frozen=True):
    url: URL
    headers: dict[str, str]
    proxy: str | None


class _Describing(httpx2.AsyncBaseTransport):
    """Sends nothing: whoever calls looks at the request that would have gone out."""

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, request=request, content=b"{}")


def describing_client() -> httpx2.AsyncClient:
    """An `http_client` for the constructor of an `openai` client that only describes calls."""
    return httpx2.AsyncClient(transport=_Describing())


class Carrier:
    """Connections to one vendor, as many as there are calls; none is opened before the first. The environment's proxies
    are used, and its certificates.

    *client* must have a `describing_client`. Where the login changes, *token* gives that of the moment, to be sent as a
    bearer token.
    """

    def __init__(self, client: "AsyncOpenAI", token: Callable[[], Awaitable[str]] | None = None) -> None:
        self._client = client
        self._token = token
        self._addresses: dict[tuple[str, str], _Address] = {}
        self._session: aiohttp.ClientSession | None = None

    async def post(self, path: str, upstream_model: str, body: Body) -> aiohttp.ClientResponse:
        """The answer with status 200, of which nothing is read yet; it is to be entered, and leaving early hangs up.

        Raises `ImageError` for any other status, and for a connection that fails before.
        """
        login = {} if self._token is None else {"authorization": f"Bearer {await self._token()}"}
        address = await self._address(path, upstream_model)
        headers = {
            **outgoing_headers.get(),
            **address.headers,
            **login,
            "accept-encoding": "identity",  # base64 is hardly worth the CPU time
            "content-type": body.media_type,
            "content-length": str(body.size),
        }
        session = self._opened(address.url.scheme)
        try:
            reply = await session.post(
                address.url, data=body.content, headers=headers, proxy=address.proxy, allow_redirects=False
            )
        except (aiohttp.ClientError, OSError) as error:
            raise connection_error(error) from error
        if reply.status != 200:
            async with reply:
                raise status_error(reply.status, reply.headers, await _refusal(reply), secrets=_secrets(headers))
        return reply

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()
        await self._client.close()

    async def _address(self, path: str, upstream_model: str) -> _Address:
        known = self._addresses.get((path, upstream_model))
        if known is None:
            described = await self._client.post(path, cast_to=httpx2.Response, body={"model": upstream_model})
            sent = described.request
            headers = {name: value for name, value in sent.headers.items() if name not in _SET_HERE}
            url = URL(str(sent.url), encoded=True)
            known = _Address(url, headers, _proxy(url))
            self._addresses[path, upstream_model] = known
        return known

    def _opened(self, scheme: str) -> aiohttp.ClientSession:
        if self._session is None:
            timeout: Any = self._client.timeout
            trust: ssl.SSLContext | bool = httpx2.create_ssl_context() if scheme == "https" else True
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ssl=trust),  # the gateway says how many calls there may be
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=timeout.connect, sock_read=timeout.read),
                read_bufsize=_READ_BYTES,
                trust_env=False,  # it would look for logins as well
            )
        return self._session


async def read(reply: aiohttp.ClientResponse) -> bytes:
    """All of *reply*. Raises `ImageError` where the connection breaks before its end, and where that doesn't come."""
    found: list[bytes] = []
    size = 0
    async for piece in Pieces(reply):
        found.append(piece)
        size += len(piece)
        if size > _LONGEST_ANSWER_BYTES:
            raise ImageError(
                ErrorCode.UPSTREAM_UNAVAILABLE,
                f"The upstream's answer was broken off: it has more than {_LONGEST_ANSWER_BYTES} bytes.",
                may_have_billed=True,
            )
    return b"".join(found)


class Pieces:
    """All of *reply* as it comes. Raises `ImageError` where the connection breaks before its end."""

    def __init__(self, reply: aiohttp.ClientResponse) -> None:
        self._content = reply.content

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        # Other ways join pieces. And of an empty body aiohttp's `iter_chunks` makes empty ones without end.
        if self._content.at_eof():
            raise StopAsyncIteration
        try:
            piece, _ = await self._content.readchunk()
        except (aiohttp.ClientError, OSError) as error:
            raise connection_error(error) from error
        return piece


async def _refusal(reply: aiohttp.ClientResponse) -> bytes:
    """The body of *reply*, which is an error; nothing where it is longer than any that tells something."""
    body = bytearray()
    async for piece in Pieces(reply):
        body += piece
        if len(body) > _LONGEST_REFUSAL_BYTES:
            return b""
    return bytes(body)


def _proxy(url: URL) -> str | None:
    """The environment's proxy on the way to *url*."""
    found = getproxies()
    proxy = found.get(url.scheme) or found.get("all")
    return None if proxy is None or proxy_bypass(url.host or "") else proxy


def _secrets(headers: dict[str, str]) -> tuple[str | None, ...]:
    return headers.get("authorization", "").partition(" ")[2], headers.get("api-key")
