"""Links, followed over real sockets on loopback."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fakes.authority import authority
from imageway.sdk.pipeline.pictures.fetch import FetchError, fetch
from pictures import picture

PNG = picture()
LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})


def answer(status: str, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


@contextmanager
def serving(*answers: bytes, hold: threading.Event | None = None) -> Iterator[tuple[str, list[bytes]]]:
    """A server that gives each connection the next of *answers*; with *hold* it keeps them open until that is set."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            for one in answers:
                connection, _ = listener.accept()
                with connection:
                    heard.append(connection.recv(65_536))
                    connection.sendall(one)
                    if hold is not None:
                        hold.wait(20)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", heard
        if hold is not None:
            hold.set()
    thread.join(timeout=20)


def sentence(url: str, *, max_bytes: int = 10**6, timeout_s: float = 20.0, allowed: frozenset[str] = LOOPBACK) -> str:
    with pytest.raises(FetchError) as caught:
        fetch(url, max_bytes=max_bytes, allowed_hosts=allowed, timeout_s=timeout_s)
    return str(caught.value)


def test_a_link_is_followed_where_it_leads() -> None:
    with serving(answer("302 Found", b"", "location: /b c.png?s=1"), answer("200 OK", PNG)) as (url, heard):
        assert fetch(f"{url}/a", max_bytes=len(PNG), allowed_hosts=LOOPBACK) == PNG

    assert [head.split(b"\r\n")[0] for head in heard] == [b"GET /a HTTP/1.1", b"GET /b%20c.png?s=1 HTTP/1.1"]


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "0.0.0.0", "2130706433", "0x7f.1", "10.1.2.3", "172.16.0.1", "192.168.0.1",
        "169.254.169.254", "100.64.0.1", "224.0.0.1", "255.255.255.255", "[::1]", "[::]", "[fe80::1]", "[fd00::1]",
        "[::ffff:127.0.0.1]", "[::ffff:a9fe:a9fe]", "[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]",
        "[ff02::1]", "[::7f00:1]", "[::ffff:0:7f00:1]", "[fec0::1]", "[4000::1]",
    ],
)  # fmt: skip
def test_only_public_addresses_are_reached(host: str) -> None:
    told = sentence(f"http://{host}/a.png", allowed=frozenset())

    said = "is no public address; where it may be reached, say so in the task: data_config.allow_hosts"
    assert told == f"{host.strip('[]')} {said}"


def test_a_redirect_to_a_private_address_is_refused() -> None:
    with serving(answer("307 T", b"", "location: http://169.254.169.254/latest/meta-data")) as (url, _):
        assert sentence(f"{url}/a").startswith("169.254.169.254 is no public address")
    with serving(answer("302 F", b"", "location: file:///etc/passwd")) as (url, _):
        assert sentence(f"{url}/a") == "it is no link that can be followed"


def test_what_a_link_may_not_hold_is_encoded() -> None:
    to = "location: /ö c.png?s=ü%20 [1]".encode().decode("latin-1")
    with serving(answer("302 Found", b"", to), answer("200 OK", PNG)) as (url, heard):
        assert fetch(f"{url}/ä?q=é\x7f {{}}", max_bytes=len(PNG), allowed_hosts=LOOPBACK) == PNG

    assert [head.split(b"\r\n")[0] for head in heard] == [
        b"GET /%C3%A4?q=%C3%A9%7F%20%7B%7D HTTP/1.1",
        b"GET /%C3%B6%20c.png?s=%C3%BC%20%20%5B1%5D HTTP/1.1",
    ]


def test_what_is_no_link_is_one_sentence() -> None:
    assert sentence("http://[bad/") == "it is no link that can be followed"
    assert sentence("http://127.0.0.1/\ud800") == "it is no link that can be followed"
    with serving(answer("302 F", b"", "location: http://[bad/")) as (url, _):
        assert sentence(url) == "it leads to what is no link"


def test_a_link_in_circles_ends() -> None:
    with serving(*[answer("302 F", b"", "location: /a")] * 6) as (url, heard):
        assert sentence(f"{url}/a") == "it leads from place to place, more than 5 times"
    assert len(heard) == 6


def test_too_much_is_not_read() -> None:
    with serving(answer("200 OK", PNG)) as (url, _):
        assert fetch(url, max_bytes=len(PNG), allowed_hosts=LOOPBACK) == PNG
    with serving(answer("200 OK", PNG)) as (url, _):
        assert sentence(url, max_bytes=len(PNG) - 1) == "the picture is larger than 0 MiB"
    with serving(b"HTTP/1.1 200 OK\r\n\r\n" + PNG) as (url, _):
        assert sentence(url, max_bytes=len(PNG) - 1) == "the picture is larger than 0 MiB"


def test_what_goes_wrong_is_one_sentence(tmp_path: Path) -> None:
    with serving(answer("404 No")) as (url, _):
        assert sentence(url) == "127.0.0.1 answers with status 404"
    with serving(b"nonsense") as (url, _):
        assert sentence(url).startswith("127.0.0.1 can't be read from: ")
    with serving(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx") as (url, _):
        assert sentence(url).startswith("127.0.0.1 can't be read from: ")
    assert sentence("http://127.0.0.1:9/") == "127.0.0.1 can't be read from: Connection refused"
    assert sentence("http://host.invalid/") == "there is no host host.invalid"
    assert sentence("http://user:word@host/") == "links with a user's name in them aren't followed"
    assert sentence("http://host:99999/") == "it is no link that can be followed"
    with authority(tmp_path) as server:
        assert "certificate verify failed" in sentence(server.url)


@pytest.mark.parametrize("begun", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx"])
def test_silence_ends_at_the_deadline(begun: bytes) -> None:
    hold = threading.Event()
    with serving(begun, hold=hold) as (url, _):
        assert sentence(url, timeout_s=0.1) == "127.0.0.1 didn't answer within 0.1 seconds"


def test_certificates_are_checked_against_what_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with authority(tmp_path) as server:
        monkeypatch.setenv("SSL_CERT_FILE", str(server.ca_file))
        assert fetch(f"{server.url}/a.png", max_bytes=10**6, allowed_hosts=LOOPBACK).startswith(b"{")
