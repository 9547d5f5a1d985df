"""What carries the SDK's calls, driven against sockets that misbehave."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fakes.authority import authority
from fakes.raw_server import hanging_up
from imageway.contract.errors import ErrorCode, ImageError
from imageway.sdk._http import Answer, Http
from imageway.sdk.errors import GatewayUnreachableError

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nset-cookie: a=b\r\n\r\n{}"


def post(url: str, body: bytes = b"{}", *, max_bytes: int = 1000, read_timeout_s: float = 20.0) -> Answer:
    async def call() -> Answer:
        http = Http(url, headers={"user-agent": "imageway"}, read_timeout_s=read_timeout_s)
        try:
            return await http.post_json(f"{url}/v1", body, headers={"x-one": "1"}, max_bytes=max_bytes)
        finally:
            await http.aclose()

    return asyncio.run(call())


def fault(call: Callable[[], object]) -> ImageError:
    with pytest.raises(ImageError) as caught:
        call()
    return caught.value


@contextmanager
def listening(answer: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """A server that answers each of its connections' requests with *answer*, and keeps them all."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.settimeout(20)
                    while received := connection.recv(65_536):
                        heard.append(received)
                        if received.endswith(b"{}"):
                            connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", heard
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(timeout=20)


def test_a_request_goes_out_once_as_it_is() -> None:
    with listening(ANSWER) as (url, heard):
        answer = post(url)

    host = url.removeprefix("http://").encode()
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"{}", "2")
    assert b"".join(heard) == (
        b"POST /v1 HTTP/1.1\r\nHost: " + host + b"\r\naccept: */*\r\naccept-encoding: identity\r\n"
        b"user-agent: imageway\r\nx-one: 1\r\ncontent-type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    )


def test_a_proxy_of_the_environment_is_used_and_spared(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(ANSWER) as (proxy, heard):
        monkeypatch.setenv("http_proxy", proxy)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        post("http://gateway.example")
        assert heard[0].startswith(b"POST http://gateway.example/v1 HTTP/1.1\r\n")

        heard.clear()
        assert isinstance(fault(lambda: post("http://127.0.0.1:9")), GatewayUnreachableError)
        assert heard == []


def test_redirects_are_answers() -> None:
    with listening(b"HTTP/1.1 307 T\r\nlocation: http://elsewhere/\r\ncontent-length: 0\r\n\r\n") as (url, heard):
        assert post(url).status == 307
        assert len([part for part in heard if part.startswith(b"POST")]) == 1


@pytest.mark.parametrize(
    ("answer", "code", "billed"),
    [
        (b"", ErrorCode.UPSTREAM_UNAVAILABLE, True),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}", ErrorCode.UPSTREAM_UNAVAILABLE, True),
        (b"nonsense\r\n\r\n", ErrorCode.UPSTREAM_UNAVAILABLE, True),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n" + b"x" * 1001, ErrorCode.PAYLOAD_TOO_LARGE, True),
    ],
    ids=["silence", "cut short", "nonsense", "too large"],
)
def test_what_was_sent_and_not_answered_may_be_paid_for(answer: bytes, code: ErrorCode, *, billed: bool) -> None:
    with hanging_up(answer) as url:
        found = fault(lambda: post(url))

    assert (found.code, found.may_have_billed) == (code, billed)
    assert not isinstance(found, GatewayUnreachableError)


def test_a_reset_may_be_paid_for() -> None:
    with hanging_up(b"HTTP/1.1 200 OK\r\n", reset=True) as url:
        assert fault(lambda: post(url)).may_have_billed


def test_silence_ends_at_the_deadline() -> None:
    with listening(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}") as (url, _):
        found = fault(lambda: post(url, read_timeout_s=0.05))

    assert (found.code, found.may_have_billed) == (ErrorCode.UPSTREAM_TIMEOUT, True)
    assert found.message == f"The gateway at {url} didn't answer within 0.05 seconds."


def test_what_was_never_sent_is_told_in_plain_words(tmp_path: Path) -> None:
    assert fault(lambda: post("http://127.0.0.1:9")).message == (
        "can't reach the gateway at http://127.0.0.1:9: Connection refused"
    )
    assert "gateway.invalid" in fault(lambda: post("http://gateway.invalid")).message
    with authority(tmp_path) as server:
        found = fault(lambda: post(server.url))
    assert isinstance(found, GatewayUnreachableError)
    assert "certificate verify failed" in found.message


def test_certificates_are_checked_against_what_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with authority(tmp_path) as server:
        monkeypatch.setenv("SSL_CERT_FILE", str(server.ca_file))
        assert post(server.url).status == 200


HEAD_OF_20 = b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n"


def test_silence_after_a_part_ends_as_well() -> None:
    with hanging_up(HEAD_OF_20, b"x", b"x", pause_s=0.05, last=True) as url:
        found = fault(lambda: post(url, read_timeout_s=0.2))

    assert (found.code, found.may_have_billed) == (ErrorCode.UPSTREAM_TIMEOUT, True)


def test_an_answer_that_comes_slowly_is_waited_for() -> None:
    with hanging_up(HEAD_OF_20, *[b"x"] * 20, pause_s=0.1) as url:
        assert post(url, read_timeout_s=1.5).body == b"x" * 20
