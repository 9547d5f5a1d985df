"""aiohttp for calls over the network: httpx's own pool and parser cost several times as much for a megabyte.

Errors are httpx's, so that `_http` tells them apart by one family, whoever carries.
"""

import io
import os
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx
from yarl import URL

__all__ = ("Carrier",)

_READ_BYTES = 1024**2


class Carrier:
    """Sends each request once, on as many connections as there are calls; follows and retries nothing.

    *keep_alive_s* is how long an idle connection is kept. The environment's proxies are used. Its session is opened by
    the first request, and belongs to that event loop.
    """

    def __init__(self, *, connect_timeout_s: float, read_timeout_s: float, keep_alive_s: float) -> None:
        self._timeout = aiohttp.ClientTimeout(
            total=None, connect=None, sock_connect=connect_timeout_s, sock_read=read_timeout_s
        )
        self._keep_alive_s = keep_alive_s
        self._session: aiohttp.ClientSession | None = None
        self._proxies: dict[tuple[str, str | None], str | None] = {}

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()

    @asynccontextmanager
    async def sent(
        self, method: str, url: str, *, headers: Mapping[str, str], content: bytes
    ) -> AsyncIterator[tuple[int, Mapping[str, str], AsyncIterator[bytes]]]:
        """The status, the headers and the body of the answer, which is read as it comes."""
        try:
            address = URL(url)
        except ValueError as error:
            raise httpx.InvalidURL(str(error)) from error
        if self._session is None:
            self._session = self._opened(address.scheme)
        with _translated():
            reply = await self._session.request(
                method,
                address,
                # aiohttp warns of large bodies in one piece, and sends a file in pieces.
                data=io.BytesIO(content) if content else None,
                headers=headers,
                proxy=self._proxy(address),
                allow_redirects=False,
            )
        try:
            told = {name.lower(): value for name, value in reply.headers.items()}
            yield reply.status, told, _chunks(reply)
        finally:
            reply.close()

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


async def _chunks(reply: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    with _translated():
        async for chunk in reply.content.iter_any():
            yield chunk


@contextmanager
def _translated() -> Iterator[None]:
    """Errors of aiohttp as httpx's: what wasn't sent for certain, what was silent for too long, and all else."""
    try:
        yield
    except aiohttp.ConnectionTimeoutError as error:
        raise httpx.ConnectTimeout(str(error)) from error
    except (aiohttp.ClientConnectorError, aiohttp.ClientHttpProxyError, aiohttp.InvalidURL) as error:
        raise httpx.ConnectError(_reason(error)) from error
    except TimeoutError as error:
        raise httpx.ReadTimeout(str(error)) from error
    except (aiohttp.ClientError, OSError) as error:
        raise httpx.ReadError(str(error)) from error


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
