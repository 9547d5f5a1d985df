"""aiohttp for calls over the network: httpx's own pool and parser cost several times as much for a megabyte.

Errors are httpx's, so that `_http` tells them apart by one family, whoever carries.
"""

import asyncio
import io
import os
import ssl
from collections.abc import Mapping
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx
from yarl import URL

__all__ = ("Carrier",)

_READ_BYTES = 1024**2
_ERRORS = (aiohttp.ClientError, OSError)  # TimeoutError is among the latter
_LOOKS = 4
_PIECE_BYTES = 1 << 16


class Carrier:
    """Sends each request once, on as many connections as there are calls; follows and retries nothing.

    *keep_alive_s* is how long an idle connection is kept. The environment's proxies are used. Its session is opened by
    the first request, and belongs to that event loop.
    """

    def __init__(self, *, connect_timeout_s: float, read_timeout_s: float, keep_alive_s: float) -> None:
        self._timeout = aiohttp.ClientTimeout(
            total=None, connect=None, sock_connect=connect_timeout_s, sock_read=read_timeout_s
        )
        self._silence_s = read_timeout_s
        self._keep_alive_s = keep_alive_s
        self._session: aiohttp.ClientSession | None = None
        self._proxies: dict[tuple[str, str | None], str | None] = {}

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def sent(
        self, method: str, url: str, *, headers: Mapping[str, str], content: bytes
    ) -> tuple[int, Mapping[str, str], "Body"]:
        """The status, the headers and the body of the answer, which is read as it comes and is to be closed."""
        try:
            address = URL(url)
        except ValueError as error:
            raise httpx.InvalidURL(str(error)) from error
        if self._session is None:
            self._session = self._opened(address.scheme)
        try:
            reply = await self._session.request(
                method,
                address,
                data=_in_pieces(content),
                headers=headers,
                proxy=self._proxy(address),
                allow_redirects=False,
            )
        except _ERRORS as error:
            raise _translated(error) from error
        told = {name.lower(): value for name, value in reply.headers.items()}
        return reply.status, told, Body(reply, self._silence_s)

    def _opened(self, scheme: str) -> aiohttp.ClientSession:
        trust: ssl.SSLContext | bool = httpx.create_ssl_context() if scheme == "https" else True
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=trust, keepalive_timeout=self._keep_alive_s),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=self._timeout,
            read_bufsize=_READ_BYTES,
        )

    def _proxy(self, url: URL) -> str | None:
        """The proxy on the way to *url*; looked for once, which takes as long as a small call."""
        origin = (url.scheme, url.host)
        if origin not in self._proxies:
            found = getproxies()
            proxy = found.get(url.scheme) or found.get("all")
            self._proxies[origin] = None if proxy is None or proxy_bypass(url.host or "") else proxy
        return self._proxies[origin]


def _in_pieces(content: bytes) -> bytes | io.BytesIO | None:
    """What aiohttp takes *content* as: it warns of large bodies, and sends a file in pieces."""
    return (io.BytesIO(content) if len(content) > _PIECE_BYTES else content) or None


class Body:
    """The body of *reply* as it comes, given up after it was silent for *silence_s*, or up to a quarter longer.

    aiohttp would set a timer anew with every read, which is a tenth of what reading a picture costs: here it is looked
    now and then whether anything has come.
    """

    def __init__(self, reply: aiohttp.ClientResponse, silence_s: float) -> None:
        self._reply = reply
        self._every_s = silence_s / _LOOKS
        self._seen_bytes = 0
        self._quiet = 0
        self._timer: asyncio.TimerHandle | None = None
        connection = reply.connection  # none where all has come
        if connection is not None and connection.protocol is not None:
            connection.protocol.read_timeout = None
            self._wait()

    def __aiter__(self) -> "Body":
        return self

    async def __anext__(self) -> bytes:
        try:
            chunk = await self._reply.content.readany()
        except _ERRORS as error:
            raise _translated(error) from error
        if not chunk:
            raise StopAsyncIteration
        return chunk

    async def aclose(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._reply.close()

    def _wait(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._every_s, self._look)

    def _look(self) -> None:
        content = self._reply.content
        self._quiet = self._quiet + 1 if content.total_bytes == self._seen_bytes else 0
        self._seen_bytes = content.total_bytes
        if self._quiet < _LOOKS:
            self._wait()
        else:
            content.set_exception(TimeoutError("nothing has come for too long"))


def _translated(error: Exception) -> httpx.HTTPError:
    """What aiohttp raised as httpx's: what wasn't sent for certain, what was silent for too long, and all else."""
    match error:
        case aiohttp.ConnectionTimeoutError():
            return httpx.ConnectTimeout(str(error))
        case aiohttp.ClientConnectorError() | aiohttp.ClientHttpProxyError() | aiohttp.InvalidURL():
            return httpx.ConnectError(_reason(error))
        case TimeoutError():
            return httpx.ReadTimeout(str(error))
        case _:
            return httpx.ReadError(str(error))


def _reason(error: aiohttp.ClientError) -> str:
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return str(error.certificate_error)
        case aiohttp.ClientConnectorError(os_error=OSError(errno=int(number))) if number > 0:
            return os.strerror(number)
        case aiohttp.ClientConnectorError():
            return error.os_error.strerror or str(error)
        case _:
            return str(error)
