"""Links to pictures over HTTP, from a real server."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from litestar import Litestar
from litestar.exceptions import HTTPException

from fakes.media_stores import NOW_S, Clock, parts, store
from imageway.contract.errors import ImageError
from imageway.gateway.http.browser_guard import BrowserGuard
from imageway.gateway.http.errors import answer_error, answer_http_exception, answer_unexpected
from imageway.gateway.http.files import file_routes
from loopback import serving
from pictures import picture

PNG = picture()


class Gateway:
    """A server with one picture behind `link`, whose store can be told the time."""

    def __init__(self, directory: Path) -> None:
        self.clock = Clock()
        self.directory = directory
        self.link = self.kept(PNG)
        app = Litestar(
            route_handlers=file_routes(store(directory, self.clock)),
            exception_handlers={
                ImageError: answer_error,
                HTTPException: answer_http_exception,
                Exception: answer_unexpected,
            },
            logging_config=None,
            openapi_config=None,
        )
        self.app = BrowserGuard(app, loopback_only=True)

    def kept(self, content: bytes) -> str:
        """The path of a link to *content*, written by another replica."""
        link = asyncio.run(store(self.directory, self.clock, max_bytes=10**9).keep(content))
        return link.removeprefix("https://images.example")


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    return Gateway(tmp_path)


@pytest.fixture
def client(gateway: Gateway) -> Iterator[httpx.Client]:
    with serving(gateway.app) as url, httpx.Client(base_url=url) as client:
        yield client


def test_a_link_shows_its_picture(gateway: Gateway, client: httpx.Client) -> None:
    gateway.clock.now_s += 600.5

    reply = client.get(gateway.link, headers={"x-request-id": "mine"})

    name, _, _ = parts(gateway.link)
    assert (reply.status_code, reply.content) == (200, PNG)
    told = {key: value for key, value in reply.headers.items() if key not in ("date", "server", "last-modified")}
    assert told == {
        "content-type": "image/png",
        "content-length": str(len(PNG)),
        "content-disposition": f'inline; filename="{name}"',
        "cache-control": "private, max-age=2999",
        "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox",
        "etag": f'"{name}"',
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "x-request-id": "mine",
    }


def test_head_tells_the_same_without_the_picture(gateway: Gateway, client: httpx.Client) -> None:
    got, headed = client.get(gateway.link), client.head(gateway.link)

    assert (headed.status_code, headed.content) == (200, b"")
    for name in ("content-type", "content-length", "content-disposition", "cache-control", "etag"):
        assert headed.headers[name] == got.headers[name]


@pytest.mark.parametrize("length", [0, 1024**2, 1024**2 + 1, 5_000_000])
def test_large_and_empty_files_come_whole(gateway: Gateway, client: httpx.Client, length: int) -> None:
    content = bytes(range(256)) * (length // 256) + b"x" * (length % 256)

    reply = client.get(gateway.kept(content))

    assert reply.content == content
    assert reply.headers["content-length"] == str(length)
    assert reply.headers["content-type"] == "application/octet-stream"


def test_a_drawing_that_is_a_page_cannot_act(gateway: Gateway, client: httpx.Client) -> None:
    reply = client.get(gateway.kept(b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"))

    assert reply.headers["content-type"].startswith("image/svg+xml")
    assert reply.headers["content-security-policy"].endswith("; sandbox")
    assert reply.headers["content-security-policy"].startswith("default-src 'none'; ")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_every_link_that_leads_nowhere_is_answered_alike(gateway: Gateway, client: httpx.Client, method: str) -> None:
    name, expires, signature = parts(gateway.link)
    lost = gateway.kept(PNG)
    (gateway.directory / parts(lost)[0]).unlink()
    wrong = [
        f"/files/{name}",
        f"/files/{name}?expires={expires}",
        f"/files/{name}?expires={expires}&signature={'0' * 64}",
        f"/files/{name}?expires={int(expires) + 1}&signature={signature}",
        f"/files/x{name}?expires={expires}&signature={signature}",
        "/files/%FF?expires=%FF&signature=%FF",
        lost,
    ]

    replies = [client.request(method, link, headers={"x-request-id": "mine"}) for link in wrong]

    assert {reply.status_code for reply in replies} == {404}
    assert len({reply.content for reply in replies}) == 1
    if method == "GET":
        assert replies[0].json()["error"] == {
            "message": "There is no such picture, or its link has expired.",
            "type": "invalid_request_error",
            "param": None,
            "code": "not_found",
            "imageway": {"code": "not_found", "request_id": "mine"},
        }


def test_a_link_ends(gateway: Gateway, client: httpx.Client) -> None:
    gateway.clock.now_s = NOW_S + 3600
    at_the_end = client.get(gateway.link)
    gateway.clock.now_s = NOW_S + 3601
    after = client.get(gateway.link)

    assert (at_the_end.status_code, at_the_end.headers["cache-control"]) == (200, "private, max-age=0")
    assert after.status_code == 404


@pytest.mark.parametrize("path", ["/files/..%2f..%2fsecret", "/files/%2e%2e/secret", "/files/a/b", "/files/", "/files"])
def test_no_path_leads_out_of_the_store(gateway: Gateway, client: httpx.Client, path: str) -> None:
    (gateway.directory.parent / "secret").write_bytes(PNG)

    reply = client.get(path)

    assert reply.status_code == 404
    assert reply.json()["error"]["imageway"]["code"] == "not_found"


def test_pages_of_other_sites_may_show_it_but_not_read_it(gateway: Gateway, client: httpx.Client) -> None:
    reply = client.get(gateway.link, headers={"origin": "https://blog.example"})

    assert (reply.status_code, reply.content) == (200, PNG)
    assert not [name for name in reply.headers if name.startswith("access-control-")]


def test_a_picture_cannot_be_written_or_removed(gateway: Gateway, client: httpx.Client) -> None:
    assert {client.request(method, gateway.link).status_code for method in ("POST", "PUT", "DELETE")} == {405}
    assert client.get(gateway.link).content == PNG
