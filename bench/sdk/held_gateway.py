"""A gateway that answers every image call with the same picture after a while: what it costs is the caller's alone.

    python bench/sdk/held_gateway.py PICTURE_BYTES HOLD_S

Prints its URL, and serves until standard input ends. Answers are written as they lie in memory; it counts nothing.
"""

import asyncio
import base64
import random
import struct
import sys
import zlib

from imageway.contract.cards import ModelCard, cards_body
from imageway.providers.catalogue import find, load_catalogue

MODEL = "gpt-image-1"


def png(size: int) -> bytes:
    """A PNG of about *size* bytes, of noise: nothing to compress."""
    side = max(1, int((size / 3) ** 0.5))
    noise = random.Random(7).randbytes(side * side * 3)  # noqa: S311  # noise is all that is wanted
    lines = b"".join(b"\0" + noise[row * side * 3 : (row + 1) * side * 3] for row in range(side))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines, 0)) + chunk(b"IEND", b"")


def reply(body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def models() -> bytes:
    spec = find(load_catalogue(), "openai", MODEL)
    assert spec is not None
    return cards_body({MODEL: ModelCard(spec=spec, validation="strict")})


class Gateway(asyncio.Protocol):
    def __init__(self, listed: bytes, drawn: bytes, hold_s: float) -> None:
        self.listed, self.drawn, self.hold_s = listed, drawn, hold_s
        self.buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = bytes(self.buffer[:end]).lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self.buffer) < end + 4 + length:
                return
            del self.buffer[: end + 4 + length]
            if head.startswith(b"get "):
                self.answer(self.listed)
            else:
                asyncio.get_running_loop().call_later(self.hold_s, self.answer, self.drawn)

    def answer(self, reply: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(reply)  # type: ignore[attr-defined]  # a TCP transport writes


async def main(size: int, hold_s: float) -> None:
    picture = base64.b64encode(png(size))
    drawn = reply(b'{"created":1,"data":[{"b64_json":"' + picture + b'"}],"usage":{"total_tokens":30,"input_tokens":10,'
                  b'"output_tokens":20,"input_tokens_details":{"text_tokens":10,"image_tokens":0}}}')  # fmt: skip
    listed = reply(models())
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Gateway(listed, drawn, hold_s), "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
