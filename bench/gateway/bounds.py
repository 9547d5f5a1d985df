"""What the gateway holds when much is on its way at once: sixteen uploads of 49 MB, 256 calls, readers who don't read.

    python bench/gateway/bounds.py

Prints peak RSS. Its bound is `server.max_memory_bytes` (128 MiB), the interpreter with its libraries, and up to
64 MB of freed memory that stays with the process.
"""

import asyncio
import os
import socket
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import uvloop
from load import calls, form_call, json_call
from scenarios import EDITS, GENERATIONS, noise, prompt
from subjects import KEY, Subject, free_port, gateway, pinned


def main() -> None:
    callers_core, subjects_core = sorted(os.sched_getaffinity(0))[:2]
    os.sched_setaffinity(0, {callers_core})
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="imageway-bounds-")))
        port = free_port()
        vendor = [sys.executable, str(Path(__file__).with_name("upstream.py")), str(port)]
        stack.enter_context(pinned(vendor, callers_core, folder / "upstream.log"))
        ours = stack.enter_context(gateway(folder, port, subjects_core))
        print(f"{'idle':52}{ours.rss_mb:>8.0f} MB")
        uvloop.run(pressed(ours))


async def pressed(ours: Subject) -> None:
    upload = form_call(EDITS, {"model": "gpt-image-2", "prompt": "small"}, [noise(4096, 3990)], KEY)
    seconds = await calls(ours.port, upload, connections=16, each=1)
    print(f"{f'16 uploads of 49 MB at once, {seconds:.0f} s':52}{ours.peak_mb:>8.0f} MB")
    ours.forget_peak()
    await calls(ours.port, json_call(GENERATIONS, prompt("held"), KEY), connections=256, each=1)
    print(f"{'256 held calls, all answers of 1.5 MB at once':52}{ours.peak_mb:>8.0f} MB")
    await unread(ours, prompt("large"), "200 answers of 1.5 MB that nobody reads")
    await unread(ours, prompt("large")[:-1] + b',"stream":true}', "the same as streams")


async def unread(ours: Subject, body: bytes, told: str) -> None:
    ours.forget_peak()
    request = b"".join(json_call(GENERATIONS, body, KEY))
    with ExitStack() as stack:
        for _ in range(200):
            reader = stack.enter_context(socket.create_connection(("127.0.0.1", ours.port)))
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.sendall(request)
            await asyncio.sleep(0.02)
        await asyncio.sleep(3)
        print(f"{told:52}{ours.peak_mb:>8.0f} MB")


if __name__ == "__main__":
    main()
