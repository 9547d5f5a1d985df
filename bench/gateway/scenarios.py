"""The requests that are measured, and what a call of each may cost."""

import os
import struct
import zlib
from collections.abc import Sequence
from typing import NamedTuple

from load import form_call, json_call
from subjects import KEY

EDITS, GENERATIONS = "/v1/images/edits", "/v1/images/generations"


class Scenario(NamedTuple):
    """`allowed` is the target: how many times nginx's CPU time a call may take."""

    name: str
    request: Sequence[bytes]
    calls: int
    allowed: float


def scenarios() -> list[Scenario]:
    picture = noise()
    texts = {"model": "gpt-image-2", "prompt": "small"}
    return [
        Scenario("generation, 2 KB", json_call(GENERATIONS, prompt("small"), KEY), 500, 12),
        Scenario("generation, 1.5 MB", json_call(GENERATIONS, prompt("large"), KEY), 150, 3),
        Scenario("edit of one 2 MB picture", form_call(EDITS, texts, [picture], KEY), 150, 3),
        Scenario("edit of sixteen 2 MB pictures", form_call(EDITS, texts, [picture] * 16, KEY), 25, 2),
    ]


def prompt(text: str) -> bytes:
    return b'{"model":"gpt-image-2","prompt":"%b kite","size":"1024x1024","quality":"low"}' % text.encode()


def noise(width: int = 1024, height: int = 660) -> bytes:
    """A PNG of 2 MB whose pixels don't compress, in chunks of 8 KB as libpng writes them."""
    rows = zlib.compress(b"".join(b"\0" + os.urandom(width * 3) for _ in range(height)), 0)
    data = [rows[at : at + 8192] for at in range(0, len(rows), 8192)]
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), *((b"IDAT", piece) for piece in data), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )
