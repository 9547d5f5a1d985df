"""Pictures behind links, fetched so that a link in somebody's data leads nowhere that only this machine can reach.

Each host is looked up once, all its addresses are judged, and the connection goes to one that was judged: a name that
changes its address in between gains nothing, nor does a redirect.
"""

import http.client
import ipaddress
import os
import socket
import ssl
import time
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from threading import Timer
from urllib.parse import SplitResult, quote, urljoin, urlsplit

import certifi

from imageway.contract.version import __version__

__all__ = ("FetchError", "fetch")

_TIMEOUT_S = 30.0
_MOST_REDIRECTS = 5
_CHUNK_BYTES = 256 * 1024
_REDIRECTS = (301, 302, 303, 307, 308)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
"""All that is given out of IPv6. Python takes more for public: site-local, IPv4-compatible, local NAT64."""
_KEPT = "/%:@!$&'()*+,;=~-._"

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class FetchError(Exception):
    """The link can't be followed; the sentence says why, without the link's query."""


def fetch(
    url: str, *, max_bytes: int, allowed_hosts: Collection[str] = frozenset(), timeout_s: float = _TIMEOUT_S
) -> bytes:
    """What lies behind *url*, at most *max_bytes*, within *timeout_s* in all. Blocks: not for the event loop.

    Addresses that aren't public are refused unless the host, as the link spells it, is among *allowed_hosts*. Proxies
    of the environment aren't used. Raises `FetchError`.
    """
    ends_at = time.monotonic() + timeout_s
    for _ in range(_MOST_REDIRECTS + 1):
        parts = _parts(url)
        try:
            status, location, content = _got(parts, allowed_hosts, max_bytes, ends_at)
        except TimeoutError as error:
            raise FetchError(f"{parts.hostname} didn't answer within {timeout_s:g} seconds") from error
        except (OSError, http.client.HTTPException) as error:
            if time.monotonic() >= ends_at:
                raise FetchError(f"{parts.hostname} didn't answer within {timeout_s:g} seconds") from error
            raise FetchError(f"{parts.hostname} can't be read from: {_said(error)}") from error
        if status in _REDIRECTS and location:
            url = _led_to(url, location)
        elif status == 200:
            return content
        else:
            raise FetchError(f"{parts.hostname} answers with status {status}")
    raise FetchError(f"it leads from place to place, more than {_MOST_REDIRECTS} times")


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        url.encode()
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError as error:
        raise FetchError("it is no link that can be followed") from error
    if not usable:
        raise FetchError("it is no link that can be followed")
    if parts.username is not None:
        raise FetchError("links with a user's name in them aren't followed")
    return parts


def _led_to(url: str, location: str) -> str:
    """Where *url* redirects to. The header's bytes have been read as Latin-1."""
    try:
        return urljoin(url, quote(location, safe=f"{_KEPT}?#[]", encoding="latin-1"))
    except ValueError as error:
        raise FetchError("it leads to what is no link") from error


def _got(
    parts: SplitResult, allowed_hosts: Collection[str], max_bytes: int, ends_at: float
) -> tuple[int, str | None, bytes]:
    """Status, location and, where the status is 200, the content."""
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    with closing(_connected(_judged(host, port, allowed=host in allowed_hosts), port, ends_at)) as plain:
        secure = parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        with closing(kind(host, port)) as connection, closing(_secured(plain, host) if secure else plain) as connected:
            connection.sock = connected
            with _ending(connected, ends_at):
                got = _answer(connection, parts, max_bytes)
            # What was broken off may look like an end.
            if time.monotonic() >= ends_at:
                raise TimeoutError
            return got


def _answer(
    connection: http.client.HTTPConnection, parts: SplitResult, max_bytes: int
) -> tuple[int, str | None, bytes]:
    path = quote(parts.path or "/", safe=_KEPT) + (f"?{quote(parts.query, safe=f'{_KEPT}?')}" if parts.query else "")
    headers = {"user-agent": f"imageway/{__version__}", "accept": "image/*", "accept-encoding": "identity"}
    connection.request("GET", path, headers=headers)
    with closing(connection.getresponse()) as reply:
        if reply.status != 200:
            return reply.status, reply.headers.get("location"), b""
        return reply.status, None, _content(reply, max_bytes)


def _content(reply: http.client.HTTPResponse, max_bytes: int) -> bytes:
    if reply.length is not None and reply.length > max_bytes:
        raise FetchError(f"the picture is larger than {max_bytes // 1024**2} MiB")
    chunks: list[bytes] = []
    size = 0
    while chunk := reply.read(_CHUNK_BYTES):
        size += len(chunk)
        if size > max_bytes:
            raise FetchError(f"the picture is larger than {max_bytes // 1024**2} MiB")
        chunks.append(chunk)
    if reply.length:
        raise http.client.IncompleteRead(b"", reply.length)
    return b"".join(chunks)


def _judged(host: str, port: int, *, allowed: bool) -> list[tuple[socket.AddressFamily, str]]:
    """The addresses of *host*, all of them public unless it is *allowed*."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise FetchError(f"there is no host {host}") from error
    addresses: list[tuple[socket.AddressFamily, str]]
    addresses = list(dict.fromkeys((family, str(address[0])) for family, _, _, _, address in found))
    if not allowed and not all(_is_public(ipaddress.ip_address(address.partition("%")[0])) for _, address in addresses):
        raise FetchError(
            f"{host} is no public address; where it may be reached, say so in the task: data_config.allow_hosts"
        )
    return addresses


def _is_public(address: Address) -> bool:
    """Also of the address that another one carries within it: mapped, 6to4, Teredo, NAT64."""
    if isinstance(address, ipaddress.IPv6Address):
        within = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
        if address in _NAT64:
            within.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        inner = [one for one in within if one is not None]
        if inner:
            return all(_is_public(one) for one in inner)
        if address not in _GLOBAL_UNICAST:
            return False
    return address.is_global and not address.is_multicast


def _connected(addresses: list[tuple[socket.AddressFamily, str]], port: int, ends_at: float) -> socket.socket:
    """A connection to the first address that answers."""
    failure = OSError("it has no address")
    for family, address in addresses:
        remaining_s = ends_at - time.monotonic()
        if remaining_s <= 0:
            raise TimeoutError
        connected = socket.socket(family, socket.SOCK_STREAM)
        try:
            connected.settimeout(remaining_s)
            connected.connect((address, port))
        except OSError as error:
            connected.close()
            failure = error
        else:
            return connected
    raise failure


@contextmanager
def _ending(connected: socket.socket, ends_at: float) -> Iterator[None]:
    """Have *connected* break off at *ends_at*, however slowly somebody talks."""
    watch = Timer(max(0.0, ends_at - time.monotonic()), _broken_off, (connected,))
    watch.daemon = True
    watch.start()
    try:
        yield
    finally:
        watch.cancel()


def _broken_off(connected: socket.socket) -> None:
    try:
        connected.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it has ended by itself


def _secured(connected: socket.socket, host: str) -> ssl.SSLSocket:
    trust = os.environ.get("SSL_CERT_FILE") or certifi.where()
    return ssl.create_default_context(cafile=trust).wrap_socket(connected, server_hostname=host)


def _said(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
