"""Callers who ask and don't read: a real gateway leaves them, and holds nothing for them."""

import base64
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from fakes.upstream import Upstream, drawn, streamed
from gateway_process import GatewayProcess
from imageway.gateway.http.readers import in_pieces
from loopback import serving

CONFIG = """
server: {{send_timeout_s: 1}}
providers: [{{name: main, type: openai, base_url: "{url}/v1", api_key: "file:{folder}/key"}}]
models: [{{name: gpt-image-2, targets: [{{provider: main, model: gpt-image-2}}]}}]
ledger: {{store: "sqlite:ledger.sqlite3"}}
"""
ASKED: dict[str, Any] = {"model": "gpt-image-2", "prompt": "x"}


@pytest.fixture(scope="module")
def upstream() -> Upstream:
    return Upstream()


@pytest.fixture(scope="module")
def process(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    folder = tmp_path_factory.mktemp("gateway")
    (folder / "key").write_text("sk-secret\n")
    with serving(upstream) as url:
        (folder / "gateway.yaml").write_text(CONFIG.format(url=url, folder=folder))
        process = GatewayProcess(folder / "gateway.yaml")
        try:
            yield process
        finally:
            process.close()


@contextmanager
def asking(process: GatewayProcess, *, key: str | None = None, **fields: Any) -> Iterator[socket.socket]:
    """A connection that has asked, and takes little of what comes."""
    body = json.dumps({**ASKED, **fields}).encode()
    keyed = f"idempotency-key: {key}\r\n" if key else ""
    head = f"POST /v1/images/generations HTTP/1.1\r\nhost: 127.0.0.1\r\n{keyed}content-length: {len(body)}\r\n\r\n"
    with socket.socket() as caller:
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        caller.settimeout(30)
        caller.connect((process.client.base_url.host, process.client.base_url.port or 0))
        caller.sendall(head.encode() + body)
        yield caller


def picture(size: int = 9_000_000) -> str:
    return base64.b64encode(os.urandom(size)).decode()


def rest(caller: socket.socket) -> bytes:
    return b"".join(iter(lambda: caller.recv(1 << 20), b""))


def in_flight(process: GatewayProcess) -> str:
    page = process.client.get("/metrics").text
    return next(line for line in page.splitlines() if line.startswith("imageway_calls_in_flight "))


def test_a_stream_that_nobody_reads_is_left_and_its_vendor_too(process: GatewayProcess, upstream: Upstream) -> None:
    preview = {"b64_json": picture(), "partial_image_index": 0}
    upstream.replies.append(streamed(("image_generation.partial_image", preview), never=True))
    with asking(process, stream=True) as caller:
        told, left = process.said("request.finished"), process.said("caller.idle")

        assert upstream.left.wait(timeout=20)
        assert (told["code"], told["stream"]) == ("cancelled", True)
        assert (left["path"], left["request_id"]) == ("/v1/images/generations", told["request_id"])
        assert in_flight(process) == "imageway_calls_in_flight 0.0"
        with pytest.raises(ConnectionResetError):
            rest(caller)


@pytest.mark.parametrize("key", [None, "plain"], ids=["plain", "keyed"])
def test_an_answer_that_nobody_reads_is_left(process: GatewayProcess, upstream: Upstream, key: str | None) -> None:
    upstream.replies.append(drawn(os.urandom(9_000_000)))
    with asking(process, key=key) as caller:
        process.said("caller.idle")

        assert in_flight(process) == "imageway_calls_in_flight 0.0"
        with pytest.raises(ConnectionResetError):
            rest(caller)


def test_the_result_of_a_keyed_stream_is_kept_for_a_caller_who_did_not_read(
    process: GatewayProcess, upstream: Upstream
) -> None:
    sent = len(upstream.requests)
    completed = {"b64_json": picture(), "created_at": 1}
    upstream.replies.append(streamed(("image_generation.completed", completed)))
    with asking(process, stream=True, key="stream"):
        process.said("caller.idle")

    again = process.draw("gpt-image-2", stream=True, **{"idempotency-key": "stream"})

    assert (again.status_code, again.headers["imageway-replayed"]) == (200, "true")
    assert completed["b64_json"] in again.text
    assert len(upstream.requests) == sent + 1


def test_a_caller_who_asks_twice_and_reads_nothing_holds_no_place(process: GatewayProcess, upstream: Upstream) -> None:
    upstream.replies.append(drawn(os.urandom(9_000_000)))
    with asking(process) as caller:
        caller.sendall(b"GET /v1/models HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")

        assert process.said("caller.idle")["path"] == "/v1/images/generations"
        assert in_flight(process) == "imageway_calls_in_flight 0.0"


def test_a_caller_who_reads_gets_all_of_it(process: GatewayProcess, upstream: Upstream) -> None:
    completed = {"b64_json": picture(), "created_at": 1}
    upstream.replies.append(streamed(("image_generation.completed", completed)))

    answer = process.draw("gpt-image-2", stream=True)

    assert completed["b64_json"] in answer.text


@pytest.mark.parametrize(
    ("size", "pieces"),
    [(0, [0]), (65_536, [65_536]), (65_537, [1, 65_536]), (1_200_000, [524_288, 524_288, 85_888, 65_536])],
)
def test_a_slow_caller_is_given_pieces_and_a_small_one_at_last(size: int, pieces: list[int]) -> None:
    content = os.urandom(size)

    cut = [*in_pieces((content,))]

    assert [len(piece) for piece in cut] == pieces
    assert b"".join(cut) == content
