"""A fake of OpenAI's and Azure's Images API: an ASGI application that records whole requests and answers by script."""

import base64
import json
import threading
from collections import deque
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import HTTP
from typing import Any

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@dataclass(frozen=True)
class Reply:
    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    never: bool = False
    """Nothing is answered; the server waits for the caller to hang up."""
    chunks: tuple[bytes, ...] = ()
    """Sent one by one in place of `body`."""
    breaks: bool = False
    """The connection is cut after `chunks`."""


@dataclass(frozen=True)
class Recorded:
    """A request as it arrived: JSON bodies decoded; forms as texts and files, in the order in which they came."""

    path: str
    query: str
    headers: dict[str, str]
    json: Any = None
    texts: tuple[tuple[str, str], ...] = ()
    files: tuple[tuple[str, str, str, bytes], ...] = ()


def drawn(*pictures: bytes, **fields: Any) -> Reply:
    """A success with *pictures*, as the GPT image models answer."""
    data = [{"b64_json": base64.b64encode(picture).decode()} for picture in pictures or (PNG,)]
    return Reply(body={"created": 1_700_000_000, "data": data, **fields}, headers={"x-request-id": "up-1"})


def streamed(*events: tuple[str, dict[str, Any]], **options: Any) -> Reply:
    """An event stream, each event in a chunk of its own."""
    chunks = tuple(
        f"event: {type_}\ndata: {json.dumps({'type': type_, **data})}\n\n".encode() for type_, data in events
    )
    headers = {"content-type": "text/event-stream; charset=utf-8", "x-request-id": "up-1"}
    return Reply(chunks=chunks, headers=headers, **options)


def failed(status: int, code: str | None, message: str = "no", type_: str = "x", **headers: str) -> Reply:
    error = {"message": message, "type": type_, "param": None, "code": code}
    return Reply(
        status=status, body={"error": error}, headers={name.replace("_", "-"): v for name, v in headers.items()}
    )


class Upstream:
    """`replies` are given out in turn, then `drawn()` for ever; `requests` is what arrived.

    `left` marks hang-ups, and `hung_up` counts them.
    """

    def __init__(self) -> None:
        self.replies: deque[Reply] = deque()
        self.requests: list[Recorded] = []
        self.left = threading.Event()
        self.hung_up = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        self.requests.append(_recorded(scope, headers, body))
        reply = self.replies.popleft() if self.replies else drawn()
        if reply.never and not reply.chunks:
            await _hang_up(receive)
            self.hung_up += 1
            self.left.set()
            return
        content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        sent = {"content-type": "application/json", **reply.headers}
        await send(
            {
                "type": "http.response.start",
                "status": reply.status,
                "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
            }
        )
        for chunk in reply.chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        if reply.breaks:
            raise ConnectionError("as the script says")
        if reply.never and reply.chunks:
            await _hang_up(receive)
            self.hung_up += 1
            self.left.set()
            return
        await send({"type": "http.response.body", "body": b"" if reply.chunks else content})


async def _hang_up(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


def _recorded(scope: Any, headers: dict[str, str], body: bytes) -> Recorded:
    common = {"path": scope["path"], "query": scope["query_string"].decode(), "headers": headers}
    content_type = headers.get("content-type", "")
    if not content_type.startswith("multipart/form-data"):
        return Recorded(**common, json=json.loads(body) if body else None)
    parsed = message_from_bytes(b"content-type: " + content_type.encode() + b"\r\n\r\n" + body, policy=HTTP)
    texts, files = [], []
    for part in parsed.iter_parts():
        disposition = part["content-disposition"]
        name = disposition.params["name"]
        payload = part.get_payload(decode=True)
        if "filename" in disposition.params:
            files.append((name, disposition.params["filename"], part.get_content_type(), payload))
        else:
            texts.append((name, payload.decode()))
    return Recorded(**common, texts=tuple(texts), files=tuple(files))
