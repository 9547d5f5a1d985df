"""Web pages can't spend the operator's money."""

import asyncio
from typing import Any

import pytest

from imageway.gateway.http.browser_guard import BrowserGuard


async def app(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})


def status(
    headers: dict[str, str], *, loopback_only: bool = True, method: str = "POST", path: str = "/v1/images/generations"
) -> int:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    guard = BrowserGuard(app, loopback_only=loopback_only)
    asyncio.run(guard({"type": "http", "method": method, "path": path, "headers": raw}, None, send))
    return int(sent[0]["status"])


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"host": "127.0.0.1:8080"},
        {"host": "localhost"},
        {"host": "[::1]:8080"},
        {"host": "localhost:8080", "origin": "http://localhost:8080"},
    ],
)
def test_this_machines_programs_and_own_pages_pass(headers: dict[str, str]) -> None:
    assert status(headers) == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "127.0.0.1:8080", "origin": "https://evil.example"},
        {"host": "127.0.0.1:8080", "origin": "null"},
        {"host": "127.0.0.1:8080", "origin": "http://127.0.0.1:9999"},
        {"host": "127.0.0.1:8080", "origin": "http://[evil"},
        {"host": "evil.example"},
        {"host": "evil.example:8080", "origin": "http://evil.example:8080"},
        {"host": "[::1"},
    ],
)
def test_other_sites_pages_and_rebound_names_do_not(headers: dict[str, str]) -> None:
    assert status(headers) == 403


def test_a_server_for_others_has_names_of_its_own() -> None:
    assert status({"host": "images.example"}, loopback_only=False) == 200
    assert status({"host": "images.example", "origin": "https://evil.example"}, loopback_only=False) == 403


OTHER_PAGE = {"host": "127.0.0.1:8080", "origin": "https://blog.example"}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("origin", ["https://blog.example", "null", "http://127.0.0.1:9999"])
def test_pages_of_other_sites_may_show_pictures(method: str, origin: str) -> None:
    assert status({**OTHER_PAGE, "origin": origin}, method=method, path="/files/1-a.png") == 200
    assert status({**OTHER_PAGE, "origin": origin}, method=method, path="/files/1-a.png", loopback_only=False) == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/files/1-a.png"),
        ("GET", "/files"),
        ("GET", "/files/"),
        ("GET", "/files/a/b"),
        ("GET", "/files/../v1/models"),
        ("GET", "/v1/files/1-a.png"),
        ("GET", "/filesystem"),
        ("GET", "/v1/models"),
    ],
)
def test_and_nothing_else(method: str, path: str) -> None:
    assert status(OTHER_PAGE, method=method, path=path) == 403


def test_a_rebound_name_shows_no_picture() -> None:
    assert status({"host": "evil.example"}, method="GET", path="/files/1-a.png") == 403
