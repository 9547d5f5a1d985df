"""A vendor that costs next to nothing: prepared answers over bare asyncio. `python upstream.py PORT`.

A request whose first 64 KB name the prompt `large` gets 1.5 MB, `held` the same after three seconds, any other 2 KB.
"""

import asyncio
import base64
import os
import sys
from typing import Any

import uvloop

SMALL_BYTES, LARGE_BYTES, HELD_S = 1_200, 1_120_000, 3.0
LARGEST_READ = 1 << 20


def answer(picture_bytes: int) -> bytes:
    """A whole HTTP answer, shaped like those of the GPT image models."""
    picture = base64.b64encode(os.urandom(picture_bytes))
    body = (
        b'{"created":1760000000,"background":"opaque","data":[{"b64_json":"' + picture + b'"}],"output_format":"png",'
        b'"quality":"low","size":"1024x1024","usage":{"input_tokens":14,"input_tokens_details":{"image_tokens":0,'
        b'"text_tokens":14},"output_tokens":272,"total_tokens":286}}'
    )
    told = f"content-type: application/json\r\nx-request-id: up-1\r\ncontent-length: {len(body)}"
    return f"HTTP/1.1 200 OK\r\n{told}\r\n\r\n".encode() + body


class Vendor(asyncio.Protocol):
    """One connection. Bodies are counted and thrown away."""

    small, large = answer(SMALL_BYTES), answer(LARGE_BYTES)
    transport: Any

    def __init__(self) -> None:
        self._head = b""
        self._left = -1

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self._left < 0:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return
            lines = self._head[:end].lower().split(b"\r\n")
            lengths = [int(line[15:]) for line in lines if line.startswith(b"content-length:")]
            assert lengths, "this vendor wants a content-length"
            self._left = lengths[0] - (len(self._head) - end - 4)
        else:
            if len(self._head) < 65_536:
                self._head += data
            self._left -= len(data)
        if self._left == 0:
            head, self._head, self._left = self._head[:65_536], b"", -1
            if b'"held' in head:
                asyncio.get_running_loop().call_later(HELD_S, self._answer, self.large)
            else:
                self._answer(self.large if b'"large' in head else self.small)

    def _answer(self, content: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(content)


async def main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Vendor, "127.0.0.1", port, backlog=512)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
