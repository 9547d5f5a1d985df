"""Connections that bring no request, too much of one, or several at once."""

import select
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest

from fakes.upstream import Reply, Upstream
from gateway_log import Log
from imageway.gateway.app import create_app
from imageway.gateway.connection import Connection
from imageway.gateway.serving import Listener
from imageway.gateway.settings import load_settings
from imageway.gateway.telemetry.logs import logger
from loopback import serving

CONFIG = """
providers: [{{name: main, type: openai, base_url: "{url}/v1", api_key: "file:{folder}/key"}}]
models: [{{name: gpt-image-2, targets: [{{provider: main, model: gpt-image-2}}]}}]
"""
TOO_LARGE = "The head of the request is longer than the 65536 bytes allowed."
CALL = b'{"model":"gpt-image-2","prompt":"x"}'


class Quick(Connection):
    head_s = 2.0


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()


@pytest.fixture
def address(upstream: Upstream, tmp_path: Path) -> Iterator[tuple[str, int]]:
    (tmp_path / "key").write_text("sk-secret")
    with serving(upstream) as vendor:
        (tmp_path / "gateway.yaml").write_text(CONFIG.format(url=vendor, folder=tmp_path))
        app = create_app(load_settings(tmp_path / "gateway.yaml"), log=logger(Log()))
        with serving(app, lifespan="on", http=Quick) as url:
            found = httpx.URL(url)
            yield found.host, found.port or 0


@pytest.fixture
def caller(address: tuple[str, int]) -> Iterator[socket.socket]:
    with socket.create_connection(address, timeout=20) as caller:
        yield caller


def head(method: str, path: str, *lines: str) -> bytes:
    return "\r\n".join((f"{method} {path} HTTP/1.1", "host: 127.0.0.1", *lines, "", "")).encode()


def test_a_large_head_is_taken_and_a_larger_one_refused(address: tuple[str, int]) -> None:
    url = f"http://{address[0]}:{address[1]}/healthz"

    taken = httpx.get(url, headers={"x-large": "a" * 65_000})
    refused = [
        httpx.get(url, headers={"x-large": "a" * 700_000}),
        httpx.get(url, headers=[("x", "a" * 1000)] * 700),
    ]

    assert taken.text == "ok\n"
    assert [(reply.status_code, reply.json()["error"]["message"]) for reply in refused] == [(431, TOO_LARGE)] * 2


def test_what_follows_a_body_has_an_end_too(caller: socket.socket, upstream: Upstream) -> None:
    chunk = b"%x\r\n%b\r\n0\r\n" % (len(CALL), CALL)
    caller.sendall(head("POST", "/v1/images/generations", "transfer-encoding: chunked") + chunk)

    with pytest.raises(OSError, match=r"reset|Broken pipe"):
        send_without_end(caller)

    assert upstream.requests == []


def send_without_end(caller: socket.socket) -> None:
    for _ in range(10_000_000):
        caller.sendall(b"x: " + b"a" * 9_000 + b"\r\n")


@pytest.mark.parametrize(
    "begun", [b"", b"GET /heal", b"GET /healthz HTTP/1.1\r\nhost:"], ids=["silent", "line", "head"]
)
def test_a_connection_that_brings_no_request_is_cut(caller: socket.socket, begun: bytes) -> None:
    caller.sendall(begun)

    with pytest.raises(ConnectionResetError):
        caller.recv(1)


def test_a_refused_caller_who_goes_on_sending_is_cut(caller: socket.socket) -> None:
    caller.sendall(head("POST", "/v1/images/edits", "content-length: 999999999999", "content-type: text/plain"))
    assert caller.recv(12) == b"HTTP/1.1 400"

    with pytest.raises(OSError, match=r"reset|Broken pipe"):
        send_without_end(caller)


def test_a_wish_for_another_protocol_is_passed_over(caller: socket.socket, upstream: Upstream) -> None:
    """As Java's HttpClient sends it."""
    wish = (
        "Connection: Upgrade, HTTP2-Settings",
        "Upgrade: h2c",
        "HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA",
    )
    body = CALL.replace(b'"x"', b'"\\r\\nUpgrade: x"')
    request = head("POST", "/v1/images/generations", *wish, f"content-length: {len(body)}") + body

    for _ in range(2):
        caller.sendall(request)
        assert caller.recv(15) == b"HTTP/1.1 200 OK"
        while not caller.recv(65_536).endswith(b"}"):
            continue

    assert [asked.json["prompt"] for asked in upstream.requests] == ["\r\nUpgrade: x"] * 2


SMUGGLED = head("GET", "/healthz", "x: y")
GROWING = b"\r\nupgrade:" * (len(SMUGGLED) // 2) + SMUGGLED
"""A body that would end in a request, before that of whom a proxy lets in next, if it grew on its way."""

REFUSED = head("POST", "/v1/images/edits", f"content-length: {len(GROWING)}", "content-type: text/plain")


def test_the_rest_of_a_refused_body_is_left_as_it_is(caller: socket.socket) -> None:
    caller.sendall(REFUSED)
    assert answer(caller).startswith(b"HTTP/1.1 400")
    caller.sendall(GROWING)

    caller.sendall(head("GET", "/readyz"))

    assert answer(caller).endswith(b"\r\n\r\nready\n")


def test_a_body_behind_a_torn_head_is_left_as_it_is(caller: socket.socket) -> None:
    caller.sendall(head("GET", "/healthz") + REFUSED[:-1])
    assert answer(caller).endswith(b"\r\n\r\nok\n")
    caller.sendall(REFUSED[-1:] + GROWING)
    assert answer(caller).startswith(b"HTTP/1.1 400")

    caller.sendall(head("GET", "/readyz"))

    assert answer(caller).endswith(b"\r\n\r\nready\n")


async def echo(scope: Any, receive: Any, send: Any) -> None:
    body = b""
    more = True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


def test_what_looks_like_a_wish_within_a_body_stays() -> None:
    body = b"a cat\r\nUpgrade: a dog"
    asking = head("POST", "/", f"content-length: {len(body)}")
    with serving(echo, http=Quick) as url, socket.socket() as caller:
        caller.settimeout(20)
        caller.connect((httpx.URL(url).host, httpx.URL(url).port or 0))
        caller.sendall(head("POST", "/", "content-length: 2") + b"}}" + asking[:-1])
        assert answer(caller).endswith(b"\r\n\r\n}}")
        caller.sendall(asking[-1:] + body)
        caller.shutdown(socket.SHUT_WR)

        assert b"".join(iter(lambda: caller.recv(65_536), b"")).endswith(b"\r\n\r\n" + body)


def answer(caller: socket.socket) -> bytes:
    """The next one, which comes alone."""
    found = b""
    while not found.endswith((b"}", b"ok\n", b"ready\n")):
        received = caller.recv(65_536)
        assert received, found
        found += received
    return found


def test_idle_connections_outlive_those_in_callers_pools() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        kept_s = Listener(None, listening, lifespan=False).config.timeout_keep_alive

    pool_s = httpx2.Limits().keepalive_expiry
    assert pool_s is not None
    assert pool_s < kept_s < Connection.head_s


async def small_answer(scope: Any, receive: Any, send: Any) -> None:
    """One that a server takes at once, and that the kernel doesn't."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"60000")]})
    await send({"type": "http.response.body", "body": b"a" * 60_000})


def test_an_answer_of_which_nobody_reads_the_rest_is_cut_at_its_end() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.socket() as caller:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        caller.settimeout(20)
        with serving(small_answer, http=Quick, listening=listening):
            caller.connect(listening.getsockname())
            caller.sendall(head("GET", "/", "connection: close"))

            with pytest.raises(ConnectionResetError):
                read_when_cut(caller)


def read_when_cut(caller: socket.socket) -> None:
    hung_up = select.poll()
    hung_up.register(caller, select.POLLHUP | select.POLLERR)
    assert hung_up.poll(20_000)
    while caller.recv(65_536):
        continue


def test_too_many_requests_at_once_are_cut(caller: socket.socket, upstream: Upstream) -> None:
    upstream.replies.append(Reply(never=True))
    caller.sendall(head("POST", "/v1/images/generations", f"content-length: {len(CALL)}") + CALL)

    with pytest.raises(OSError, match=r"reset|Broken pipe"):
        ask_without_end(caller)


def ask_without_end(caller: socket.socket) -> None:
    for _ in range(10_000_000):
        caller.sendall(head("GET", "/healthz"))


def test_a_caller_who_leaves_stops_the_call_that_others_of_his_wait_behind(
    address: tuple[str, int], caller: socket.socket, upstream: Upstream
) -> None:
    upstream.replies.append(Reply(never=True))
    caller.sendall(head("POST", "/v1/images/generations", f"content-length: {len(CALL)}") + CALL)
    while not upstream.requests:
        assert httpx.get(f"http://{address[0]}:{address[1]}/healthz").text == "ok\n"
    caller.sendall(head("GET", "/healthz"))

    caller.close()

    assert upstream.left.wait(timeout=20)
