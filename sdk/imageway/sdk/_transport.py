"""aiohttp underneath httpx: httpx's own pool and parser cost several times as much for an answer of a megabyte."""

# `typing.override` comes with Python 3.12.
# mypy: disable-error-code="explicit-override"

import io
import os
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx
from yarl import URL

__all__ = ("AiohttpTransport",)

_READ_BYTES = 1024**2


class AiohttpTransport(httpx.AsyncBaseTransport):
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
        self._proxies: dict[tuple[str, str], str | None] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        content = await request.aread()
        if self._session is None:
            self._session = self._opened(request.url.scheme)
        with _translated():
            reply = await self._session.request(
                request.method,
                URL(str(request.url), encoded=True),
                # aiohttp warns of large bodies in one piece, and sends a file in pieces.
                data=io.BytesIO(content) if content else None,
                headers=[(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw],
                proxy=self._proxy(request.url),
                allow_redirects=False,
            )
        return httpx.Response(reply.status, headers=reply.raw_headers, stream=_Body(reply), request=request)

    def _opened(self, scheme: str) -> aiohttp.ClientSession:
        trust: ssl.SSLContext | bool = httpx.create_ssl_context() if scheme == "https" else True
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=trust, keepalive_timeout=self._keep_alive_s),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=self._timeout,
            auto_decompress=False,
            read_bufsize=_READ_BYTES,
        )

    def _proxy(self, url: httpx.URL) -> str | None:
        """The proxy on the way to *url*; looked for once, which takes as long as a small call."""
        origin = (url.scheme, url.host)
        if origin not in self._proxies:
            found = getproxies()
            proxy = found.get(url.scheme) or found.get("all")
            self._proxies[origin] = None if proxy is None or proxy_bypass(url.host) else proxy
        return self._proxies[origin]


class _Body(httpx.AsyncByteStream):
    def __init__(self, reply: aiohttp.ClientResponse) -> None:
        self._reply = reply

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _translated():
            async for chunk in self._reply.content.iter_any():
                yield chunk

    async def aclose(self) -> None:
        self._reply.close()


@contextmanager
def _translated() -> Iterator[None]:
    """Aiohttp's errors as httpx's: what wasn't sent for certain, what was silent for too long, and all else."""
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
