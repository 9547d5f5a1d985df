"""Runs to be exported."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from fakes.gateway import REJECTED, FakeGateway, Recorded, Reply, drawn
from imageway.sdk.cli import main
from imageway.sdk.client import AsyncClient
from imageway.sdk.pipeline.plan import DataFile, ImageNode, OutputColumn, Plan, TextPart
from imageway.sdk.pipeline.run import run_plan
from pictures import picture

PICTURES = {f"t{n}": picture(size=(8 + n, 8), colour=(n, 0, 0, 255)) for n in range(4)}


async def drawn_or_refused(asked: Recorded) -> Reply:
    title = asked.json["prompt"].removeprefix("Draw ")
    return REJECTED if title == "bad" else drawn(*[PICTURES[title]] * asked.json.get("n", 1))


def node_of(key: str, n: int) -> ImageNode:
    params: dict[str, Any] = {"n": n} if n > 1 else {}
    return ImageNode(
        name=key, model="dall-e-2", params=params, parts=(TextPart(template="Draw {title}"),), output_key=key
    )


def run_of(
    folder: Path,
    *nodes: ImageNode,
    titles: Sequence[str] = ("t0", "t1", "bad", "t3"),
    data: DataFile | None = None,
    **said: str,
) -> Path:
    """A run of records with *titles*; *said* are further columns of all of them, in place of a number."""
    folder.mkdir()
    path = folder / "data.json"
    records = [{"id": str(n), "title": title, **(said or {"n": n})} for n, title in enumerate(titles)]
    path.write_text(json.dumps(records))
    keys = [node.output_key for node in nodes]
    columns = tuple(OutputColumn(name=name, source=name) for name in ("id", "title", *keys, *(said or "n")))
    plan = Plan(name="t", folder=folder, data=data or DataFile(path=path), nodes=nodes, columns=columns)

    async def run() -> None:
        async with AsyncClient(app=FakeGateway(drawn_or_refused)) as client:
            await run_plan(plan, client, output=folder, on_event=lambda _: None)

    asyncio.run(run())
    return folder


def export_to(capsys: pytest.CaptureFixture[str], output: Path, to: object, *more: str) -> Any:
    assert main(["export", str(output), "--to", str(to), *more, "--json"]) == 0
    return json.loads(capsys.readouterr().out)
