"""`imageway run` inside the test, against a gateway of its own."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fakes.gateway import REJECTED, Recorded, Reply, drawn
from imageway.sdk.cli.run import run_task
from imageway.sdk.cli.talk import Exit
from imageway.sdk.connecting import GatewayChoice
from imageway.sdk.pipeline.run import Bounds
from pictures import picture

SKETCH_LINE = "no gateway named: drawing with sketch inside this process (offline, free; not a real model)"


def opener_of(gateway: Any, asked: list[dict[str, Any]] | None = None) -> Any:
    @asynccontextmanager
    async def open_gateway(**options: Any) -> AsyncIterator[Any]:
        if asked is not None:
            asked.append(options)
        yield gateway

    return open_gateway


def ran(task: Path, gateway: Any, **options: Any) -> Exit:
    settings: dict[str, Any] = {
        "models_file": None,
        "choice": GatewayChoice(),
        "limit": None,
        "bounds": Bounds(concurrency=2),
        "as_json": False,
        "opener": opener_of(gateway),
    }
    return asyncio.run(run_task(task, **{**settings, **options}))


def write_titles(folder: Path, *titles: str) -> None:
    records = [{"id": str(number), "title": title} for number, title in enumerate(titles, start=1)]
    (folder / "data.json").write_text(json.dumps(records), encoding="utf-8")


async def another_picture(_: Recorded) -> Reply:
    return drawn(picture(colour=(9, 9, 9, 255)))


async def reject_bad(asked: Recorded) -> Reply:
    return REJECTED if asked.json["prompt"] == "Draw bad" else drawn()
