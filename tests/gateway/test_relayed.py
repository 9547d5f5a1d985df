"""Answers on their way back: untouched where nothing needs the pixels, whole where something did not fit."""

import base64
import gc
import json
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from litestar import Litestar

from fakes.upstream import Reply, Upstream, drawn, streamed
from gateway_log import Log
from imageway.gateway.app import create_app
from imageway.gateway.settings import load_settings
from imageway.gateway.telemetry.logs import logger
from loopback import serving

CONFIG = """
server: {{max_memory_bytes: 1048576, spool_bytes: 60_000_000, spool_dir: spool, max_answer_bytes: 9_000_000}}
providers: [{{name: first, type: openai, base_url: "{url}/v1", api_key: "file:{key}"}}]
models: [{{name: gpt-image-2, targets: [{{provider: first, model: gpt-image-2}}]}}]
ledger: {{store: "sqlite:ledger.sqlite3"}}
"""
ASKED = {"model": "gpt-image-2", "prompt": "x", "size": "1024x1024"}


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()


@pytest.fixture
def app(upstream: Upstream, tmp_path: Path) -> Iterator[Litestar]:
    (tmp_path / "key").write_text("sk-secret\n")
    (tmp_path / "spool").mkdir()
    with serving(upstream) as url:
        config = tmp_path / "gateway.yaml"
        config.write_text(CONFIG.format(url=url, key=tmp_path / "key"))
        yield create_app(load_settings(config), log=logger(Log()))


@pytest.fixture
def gateway(app: Litestar) -> Iterator[httpx.Client]:
    with serving(app, lifespan="on") as url, httpx.Client(base_url=url) as client:
        yield client


def body(picture_bytes: int, spacing: bytes = b"  ") -> bytes:
    picture = base64.b64encode(os.urandom(picture_bytes))
    return b'{"data":[{"b64_json":%b"%b"}],%b"created":1,"new_field":{"a":[1]},"quality":"low"}' % (
        spacing, picture, spacing,
    )  # fmt: skip


@pytest.mark.parametrize("picture_bytes", [30, 600_000, 1_500_000], ids=["small", "in memory", "on the disk"])
def test_an_answer_comes_back_byte_for_byte(
    gateway: httpx.Client, app: Litestar, upstream: Upstream, picture_bytes: int
) -> None:
    sent = body(picture_bytes)
    upstream.replies.append(Reply(body=sent))

    reply = gateway.post("/v1/images/generations", json=ASKED)

    assert (reply.status_code, reply.headers["content-type"]) == (200, "application/json")
    assert reply.content == sent
    gc.collect()
    assert (app.state.spool.used_memory_bytes, app.state.spool.used_disk_bytes) == (0, 0)


def test_a_keyed_answer_is_kept_and_replayed_byte_for_byte(gateway: httpx.Client, upstream: Upstream) -> None:
    sent = body(1_500_000)
    upstream.replies.append(Reply(body=sent))

    replies = [gateway.post("/v1/images/generations", json=ASKED, headers={"idempotency-key": "k"}) for _ in range(2)]

    assert [reply.content for reply in replies] == [sent, sent]
    assert len(upstream.requests) == 1


def test_an_answer_with_what_clients_fail_on_is_written_anew_around_its_picture(
    gateway: httpx.Client, upstream: Upstream
) -> None:
    upstream.replies.append(Reply(body=body(1_500_000).replace(b'"low"', b'"auto"')))

    told = gateway.post("/v1/images/generations", json=ASKED).json()

    assert list(told) == ["created", "data"]
    assert len(base64.b64decode(told["data"][0]["b64_json"])) == 1_500_000


@pytest.mark.parametrize("answer", [b'{"created":1,"data":[]}', b'{"created":1,"data":[{"b64_json":""}]}', b"{}", b""])
def test_a_success_without_a_picture_is_a_failure(gateway: httpx.Client, upstream: Upstream, answer: bytes) -> None:
    upstream.replies.append(Reply(body=answer))

    reply = gateway.post("/v1/images/generations", json=ASKED)

    assert (reply.status_code, reply.json()["error"]["imageway"]["may_have_billed"]) == (502, True)


@pytest.mark.parametrize(
    ("status", "message"),
    [(200, "The answer is not what the Images API sends."), (503, "The upstream failed with status 503.")],
)
def test_an_answer_without_a_body_is_a_failure_each_time(
    gateway: httpx.Client, upstream: Upstream, status: int, message: str
) -> None:
    for _ in range(3):
        upstream.replies.append(Reply(status=status, body=b"", headers={"content-length": "0"}))

        reply = gateway.post("/v1/images/generations", json=ASKED)

        assert (reply.status_code, reply.json()["error"]["message"]) == (502, message)


def sized(size: int) -> bytes:
    return b'{"created":1,"data":[{"b64_json":"%b"}]}' % (b"A" * (size - 38))


def test_an_answer_of_as_many_bytes_as_there_may_be_goes_out(gateway: httpx.Client, upstream: Upstream) -> None:
    upstream.replies.append(Reply(body=sized(9_000_000)))

    assert len(gateway.post("/v1/images/generations", json=ASKED).content) == 9_000_000


def test_an_answer_without_end_is_broken_off_and_may_have_been_paid_for(
    gateway: httpx.Client, app: Litestar, upstream: Upstream
) -> None:
    upstream.replies.append(Reply(chunks=(b'{"created":1,"data":[{"b64_json":"', *[b"A" * 1_000_000] * 9), never=True))

    reply, again = (
        gateway.post("/v1/images/generations", json=ASKED, headers={"idempotency-key": "endless"}) for _ in range(2)
    )

    assert (reply.status_code, reply.headers["x-should-retry"]) == (502, "false")
    assert reply.json()["error"]["message"] == (
        "The upstream's answer was broken off: it has more than the 9000000 bytes that this gateway takes of one."
    )
    assert reply.json()["error"]["imageway"]["may_have_billed"]
    assert upstream.left.wait(timeout=10)
    assert (again.status_code, again.json()["error"]["imageway"]["code"]) == (409, "outcome_unknown")
    assert len(upstream.requests) == 1
    gc.collect()
    assert (app.state.spool.used_memory_bytes, app.state.spool.used_disk_bytes) == (0, 0)


def test_a_kept_stream_without_end_is_broken_off_too(gateway: httpx.Client, upstream: Upstream) -> None:
    preview = ("image_generation.partial_image", {"b64_json": "A" * 1_000_000, "partial_image_index": 0})
    upstream.replies.append(streamed(*[preview] * 9, never=True))

    reply = gateway.post(
        "/v1/images/generations", json={**ASKED, "stream": True}, headers={"idempotency-key": "endless-stream"}
    )

    assert (reply.status_code, reply.headers["x-should-retry"]) == (502, "false")
    assert "more than the 9000000 bytes" in reply.json()["error"]["message"]
    assert upstream.left.wait(timeout=10)


def test_no_call_is_paid_for_without_room_for_its_answer(
    gateway: httpx.Client, app: Litestar, upstream: Upstream
) -> None:
    held = app.state.spool.answer(59_000_000)

    reply = gateway.post("/v1/images/generations", json=ASKED)

    assert (reply.status_code, reply.headers["retry-after"]) == (429, "1")
    assert upstream.requests == []
    held.close()


def plain(picture: str) -> Reply:
    return drawn(base64.b64decode(picture))


def written_anew(picture: str) -> Reply:
    return drawn(base64.b64decode(picture), quality="auto")


def in_a_stream(picture: str) -> Reply:
    return streamed(("image_generation.completed", {"b64_json": picture, "created_at": 1}))


@pytest.mark.parametrize(
    ("reply", "stream", "key"),
    [
        (plain, False, ""),
        (written_anew, False, ""),
        (plain, False, "idempotency-key: k{}\r\n"),
        (in_a_stream, True, ""),
        (in_a_stream, True, "idempotency-key: k{}\r\n"),
    ],
    ids=["plain", "written anew", "kept", "streamed", "streamed and kept"],
)
def test_readers_who_do_not_read_pin_no_memory(
    gateway: httpx.Client, app: Litestar, upstream: Upstream, reply: Callable[[str], Reply], stream: bool, key: str
) -> None:
    picture = base64.b64encode(os.urandom(6_000_000)).decode()
    upstream.replies.extend([reply(picture)] * 3)
    asked = {**ASKED, "stream": True} if stream else ASKED
    body = json.dumps(asked).encode()
    address = (gateway.base_url.host, gateway.base_url.port or 0)
    with socket.create_connection(address, timeout=20) as one, socket.create_connection(address, timeout=20) as other:
        for number, reader in enumerate((one, other)):
            head = f"POST /v1/images/generations HTTP/1.1\r\nhost: 127.0.0.1\r\n{key.format(number)}"
            reader.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
            assert reader.recv(12) == b"HTTP/1.1 200"

        assert picture in gateway.post("/v1/images/generations", json=asked).text
        while app.state.spool.used_disk_bytes < 2 * len(picture):
            assert gateway.get("/healthz").text == "ok\n"  # a stream begins before its picture is there

        assert app.state.spool.used_memory_bytes <= 1_048_576
