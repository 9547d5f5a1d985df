"""Easel itself, in small: the made-up service, on loopback, for trying the plugin out and for its tests.

`python easel_service.py` listens on http://127.0.0.1:9300 and takes the key in EASEL_API_KEY.
"""

import argparse
import base64
import json
import os
import struct
import threading
import time
import zlib
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SIZES = {"easel-2": {(768, 768), (1152, 768), (768, 1152)}, "easel-2-draft": {(384, 384)}}
BANDS = 8


@dataclass(frozen=True, kw_only=True)
class Answer:
    """`body` as JSON, or bytes as they are; None hangs up without a word, after the request was read."""

    status: int = 200
    body: Mapping[str, Any] | bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class EaselService(ThreadingHTTPServer):
    """Records the bodies that came in `requests`, and gives the answers in `script` before it paints anything.

    While `silent` is set, requests are taken and never answered.
    """

    daemon_threads = True

    def __init__(self, port: int = 0, *, key: str = "test-key") -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.key = key
        self.requests: list[dict[str, Any]] = []
        self.script: deque[Answer] = deque()
        self.silent = False
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def painting() -> Iterator[EaselService]:
    """A service on a free port, in a thread of its own, for as long as the block lasts."""
    with EaselService() as service:
        thread = threading.Thread(target=service.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield service
        finally:
            service.closing.set()
            service.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: EaselService

    def do_POST(self) -> None:  # the name is that of the standard library
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.requests.append(body)
        if self.server.silent:
            self.server.closing.wait()
            return
        answer = self.server.script.popleft() if self.server.script else self._answer(body)
        if answer.body is None:
            return
        content = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        self.send_response(answer.status)
        for name, value in {"content-type": "application/json", **answer.headers}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # likewise
        """Nothing: a test reads `requests`."""

    def _answer(self, asked: Mapping[str, Any]) -> Answer:
        if self.path != "/v2/paintings":
            return _fault(404, "no_such_place", f"Nothing is at {self.path}.")
        if self.headers["x-easel-key"] != self.server.key:
            return _fault(401, "bad_key", "The key is not known.")
        sizes = SIZES.get(asked.get("engine", ""))
        if sizes is None:
            return _fault(404, "no_such_engine", "There is no such engine.", field="engine")
        text, count = asked["text"], asked.get("count", 1)
        default = min(sizes)
        size = (asked.get("width", default[0]), asked.get("height", default[1]))
        if size not in sizes:
            return _fault(400, "bad_size", "The engine has no such size.", field="width")
        if "weapon" in text:
            return _fault(422, "text_refused", "The text asks for what Easel doesn't paint.", field="text")
        seed = asked.get("seed", len(self.server.requests))
        paintings = [{"base64": base64.b64encode(png(*size, f"{text}/{seed + i}")).decode()} for i in range(count)]
        body = {"id": f"pt_{seed}", "made_at": int(time.time()), "width": size[0], "height": size[1]}
        return Answer(body={**body, "paintings": paintings})


def _fault(status: int, fault: str, explanation: str, *, field: str | None = None) -> Answer:
    return Answer(status=status, body={"fault": fault, "explanation": explanation, "field": field})


def png(width: int, height: int, text: str) -> bytes:
    """Stripes in the colours that *text* hashes to."""
    colours = sha256(text.encode()).digest()
    bands = [colours[3 * band : 3 * band + 3] * width for band in range(BANDS)]
    rows = b"".join(b"\0" + bands[y * BANDS // height] for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Easel, a made-up image service, on loopback.")
    parser.add_argument("--port", type=int, default=9300)
    key = os.environ.get("EASEL_API_KEY")
    port = parser.parse_args().port
    if not key:
        parser.error("set EASEL_API_KEY to the key that the service is to take")
    with EaselService(port, key=key) as service:
        print(f"Easel listens on {service.url}", flush=True)
        try:
            service.serve_forever()
        except KeyboardInterrupt:
            print("Easel has closed.")


if __name__ == "__main__":
    main()
