"""The hand-written loop that ours is measured against: aiohttp, raw JSON, fast base64, a file per record.

    python bench/sdk/bare_loop.py URL RECORDS OUTPUT IN_FLIGHT

Reads RECORDS (a JSON list), posts each prompt, writes `{id}_image_0.png` and `output.json`. A rerun would draw anew.
"""

import asyncio
import json
import sys
from pathlib import Path

import aiohttp
import msgspec
import pybase64


class _Image(msgspec.Struct):
    b64_json: msgspec.Raw


class _Answer(msgspec.Struct):
    data: list[_Image]


async def main(url: str, records: list[dict[str, str]], output: Path, in_flight: int) -> None:
    waiting = iter(records)
    rows = []
    decoder = msgspec.json.Decoder(_Answer)

    async def worker(session: aiohttp.ClientSession) -> None:
        for record in waiting:
            body = {"model": "gpt-image-1", "prompt": f"Draw {record['title']}", "size": "1024x1024"}
            async with session.post(f"{url}/v1/images/generations", json=body) as reply:
                answer = decoder.decode(await reply.read())
            path = output / f"{record['id']}_image_0.png"
            path.write_bytes(pybase64.b64decode(memoryview(answer.data[0].b64_json)[1:-1]))
            rows.append({"id": record["id"], "image": str(path)})

    connector = aiohttp.TCPConnector(limit=in_flight)
    async with aiohttp.ClientSession(connector=connector) as session, asyncio.TaskGroup() as group:
        for _ in range(in_flight):
            group.create_task(worker(session))
    (output / "output.json").write_text(json.dumps(rows))


if __name__ == "__main__":
    folder = Path(sys.argv[3])
    folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(sys.argv[1], json.loads(Path(sys.argv[2]).read_bytes()), folder, int(sys.argv[4])))
