"""Uploads within bounds: refused before they are read, spooled as they arrive, sent on unchanged, and let go of."""

import asyncio
import gc
import io
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar, Request
from litestar.exceptions import HTTPException
from PIL import Image

from fakes.upstream import Upstream, failed
from gateway_log import Log
from imageway.gateway.app import create_app
from imageway.gateway.http.bodies import take_body
from imageway.gateway.settings import load_settings
from imageway.gateway.telemetry.logs import logger
from loopback import serving

CONFIG = """
server:
  {{max_upload_bytes: 15_000_000, max_memory_bytes: 1048576, spool_bytes: 14_000_000, spool_dir: spool,
   max_calls_in_flight: 1}}
providers: [{{name: first, type: openai, base_url: "{url}/v1", api_key: "file:{key}"}}]
models: [{{name: gpt-image-2, targets: [{{provider: first, model: gpt-image-2}}]}}]
ledger: {{store: "sqlite:ledger.sqlite3"}}
"""
BOUNDARY = {"content-type": "multipart/form-data; boundary=x"}


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


def photo(seed: int, width: int = 320) -> bytes:
    """A PNG of some 300 KB by default that is like no other."""
    out = io.BytesIO()
    Image.effect_noise((width, 320), 40 + seed).convert("RGB").save(out, format="PNG", compress_level=0)
    return out.getvalue()


def answered_at_once(client: httpx.Client, headers: dict[str, str]) -> tuple[int, dict[str, str]]:
    """The answer to a POST whose body never comes."""
    with socket.create_connection((client.base_url.host, client.base_url.port or 0), timeout=20) as connection:
        told = "".join(f"{name}: {value}\r\n" for name, value in {"host": "127.0.0.1", **BOUNDARY, **headers}.items())
        connection.sendall(f"POST /v1/images/edits HTTP/1.1\r\n{told}\r\n".encode())
        status, *lines = connection.recv(65_536).split(b"\r\n\r\n")[0].decode().split("\r\n")
    return int(status.split()[1]), dict(line.lower().split(": ", 1) for line in lines)


def test_a_body_over_the_limit_is_refused_before_it_is_read(gateway: httpx.Client, upstream: Upstream) -> None:
    assert answered_at_once(gateway, {"content-length": "15000001"})[0] == 413
    assert upstream.requests == []


def test_a_body_that_can_never_be_spooled_is_too_large(gateway: httpx.Client) -> None:
    assert answered_at_once(gateway, {"content-length": "14000001"})[0] == 413


def test_a_body_that_grows_over_the_limit_is_refused(gateway: httpx.Client, upstream: Upstream) -> None:
    def endless() -> Iterator[bytes]:
        yield b'--x\r\ncontent-disposition: form-data; name="image"; filename="a"\r\n\r\n'
        for _ in range(170):
            yield bytes(100_000)

    reply = gateway.post("/v1/images/edits", content=endless(), headers=BOUNDARY)

    assert reply.status_code in (413, 429)
    assert upstream.requests == []


def test_pictures_that_lie_on_the_disk_go_out_whole_and_in_order(
    gateway: httpx.Client, app: Litestar, upstream: Upstream, tmp_path: Path
) -> None:
    photos = [photo(seed) for seed in range(16)]
    assert 4_000_000 < sum(map(len, photos)) < 5_000_000

    reply = gateway.post(
        "/v1/images/edits",
        data={"model": "gpt-image-2", "prompt": 'a "hat"'},
        files=[("image[]", ('a"\r\nx-evil: 1.png', content, "text/plain")) for content in photos],
    )

    assert reply.status_code == 200
    [sent] = upstream.requests
    assert sent.texts == (("model", "gpt-image-2"), ("prompt", 'a "hat"'))
    assert sent.files == tuple(("image[]", "image.png", "image/png", content) for content in photos)
    gc.collect()
    spool = app.state.spool
    assert (spool.used_memory_bytes, spool.used_disk_bytes, list((tmp_path / "spool").iterdir())) == (0, 0, [])


async def asked(
    app: Litestar, messages: list[dict[str, Any]], length: int, *, waits: bool = False
) -> list[dict[str, Any]]:
    """What *app* sends to a caller of an edit from whom *messages* come, and who then hangs up unless it *waits*."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if waits and not messages:
            await asyncio.Event().wait()
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", b"127.0.0.1"), (b"content-type", BOUNDARY["content-type"].encode())]
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": "/v1/images/edits", "raw_path": b"/v1/images/edits", "query_string": b"", "root_path": "",
        "headers": [*headers, (b"content-length", str(length).encode())], "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2), "state": {},
    }  # fmt: skip
    await app(scope, receive, send)  # type: ignore[arg-type]  # ASGI as plain dictionaries
    return sent


async def test_a_caller_who_leaves_in_the_middle_frees_all_at_once(app: Litestar, upstream: Upstream) -> None:
    start = b'--x\r\ncontent-disposition: form-data; name="image"; filename="a"\r\n\r\n' + bytes(1_000_000)

    sent = await asked(app, [{"type": "http.request", "body": start, "more_body": True}], 4_000_000)

    gc.collect()
    assert sent[0]["status"] == 400
    assert (app.state.spool.used_memory_bytes, app.state.spool.used_disk_bytes) == (0, 0)
    assert upstream.requests == []


@pytest.fixture
def uncollected() -> Iterator[None]:
    """Python looks for no circles of garbage."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("uncollected")
async def test_a_call_that_fails_gives_its_room_back_at_once(app: Litestar, upstream: Upstream) -> None:
    content = photo(0)
    upload = httpx.Request(
        "POST", "http://x", data={"model": "gpt-image-2", "prompt": "x"}, files={"image": ("a.png", content)}
    )
    body = upload.read().replace(upload.headers["content-type"].partition("boundary=")[2].encode(), b"x")
    upstream.replies.append(failed(500, None))

    async with app.lifespan():
        sent = await asked(app, [{"type": "http.request", "body": body, "more_body": False}], len(body), waits=True)

    assert sent[0]["status"] == 502
    assert (app.state.spool.used_memory_bytes, app.state.spool.used_disk_bytes) == (0, 0)
    assert [sent.files[0][3] for sent in upstream.requests] == [content]


@pytest.mark.usefixtures("uncollected")
def test_a_keyed_call_that_fails_gives_its_room_back_at_once(
    gateway: httpx.Client, app: Litestar, upstream: Upstream
) -> None:
    upstream.replies.append(failed(500, None))

    reply = gateway.post(
        "/v1/images/edits",
        data={"model": "gpt-image-2", "prompt": "x"},
        files={"image": ("a.png", photo(0))},
        headers={"idempotency-key": "one"},
    )

    assert reply.status_code == 502
    assert (app.state.spool.used_memory_bytes, app.state.spool.used_disk_bytes) == (0, 0)


async def test_what_finds_no_room_is_told_to_come_again_before_it_is_read(app: Litestar, upstream: Upstream) -> None:
    pocket = app.state.spool.pocket(13_000_000)

    sent = await asked(app, [], 3_000_000)

    assert sent[0]["status"] == 429
    assert dict(sent[0]["headers"])[b"retry-after"] == b"1"
    pocket.close()
    assert upstream.requests == []


def test_more_calls_than_allowed_are_told_to_come_again(gateway: httpx.Client, upstream: Upstream) -> None:
    with socket.create_connection((gateway.base_url.host, gateway.base_url.port or 0), timeout=20) as first:
        first.sendall(
            b"POST /v1/images/edits HTTP/1.1\r\nhost: 127.0.0.1\r\nexpect: 100-continue\r\ncontent-length: 9\r\n"
            b"content-type: multipart/form-data; boundary=x\r\n\r\n"
        )
        assert first.recv(100).startswith(b"HTTP/1.1 100")  # it is being read

        reply = gateway.post("/v1/images/generations", json={"model": "gpt-image-2", "prompt": "x"})

    assert (reply.status_code, reply.headers["retry-after"]) == (429, "1")
    assert reply.json()["error"]["message"] == (
        "This gateway has 1 calls in flight, which is its limit; nothing was sent. Try again."
    )
    assert upstream.requests == []


async def test_a_body_that_comes_too_slowly_is_given_up() -> None:
    never = asyncio.Event()

    async def receive() -> Any:
        await never.wait()

    scope: Any = {"type": "http", "state": {}}
    request: Request[Any, Any, Any] = Request(scope, receive=receive)

    with pytest.raises(HTTPException) as caught:
        await take_body(request, 100, [].append, grace_s=0)

    assert (caught.value.status_code, caught.value.detail) == (
        408, "The body came too slowly: less than 16384 bytes a second."
    )  # fmt: skip


def test_a_spool_that_can_not_be_used_is_a_fault_at_start(tmp_path: Path) -> None:
    config = tmp_path / "gateway.yaml"
    config.write_text("server: {spool_dir: nowhere}\nproviders: [{name: s, type: sketch}]\n")

    with pytest.raises(ValueError, match=r"no files can be made in server.spool_dir .*nowhere: No such file"):
        create_app(load_settings(config))
