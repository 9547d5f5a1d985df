"""Plans made and run by hand, against a gateway in the test."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from fakes.gateway import FakeGateway, Recorded, Reply, drawn
from imageway.sdk.client import AsyncClient
from imageway.sdk.pipeline.events import RunEvent, RunSummary
from imageway.sdk.pipeline.plan import DataFile, ImageNode, ImagePart, OutputColumn, Plan, TextPart
from imageway.sdk.pipeline.run import run_plan

DRAW = ImageNode(name="draw", model="dall-e-2", params={}, parts=(TextPart(template="Draw {title}"),), output_key="pic")


EDIT = ImageNode(
    name="edit",
    model="gpt-image-1",
    params={},
    parts=(ImagePart(template="{pic}"), TextPart(template="redder")),
    output_key="red",
)


def columns_of(*names: str) -> tuple[OutputColumn, ...]:
    return tuple(OutputColumn(name=name, source=name) for name in names)


def plan_of(folder: Path, records: list[Any], *nodes: ImageNode, **fields: Any) -> Plan:
    path = folder / "data.json"
    path.write_text(json.dumps(records), encoding="utf-8")
    return Plan(name="t", folder=folder, data=DataFile(path=path), nodes=nodes or (DRAW,), **fields)


def titled(count: int) -> list[dict[str, str]]:
    return [{"id": str(number), "title": f"t{number}"} for number in range(1, count + 1)]


def ran(
    plan: Plan,
    gateway: FakeGateway,
    output: Path,
    heard: Callable[[RunEvent], None] = lambda _: None,
    **options: Any,
) -> tuple[RunSummary, list[RunEvent]]:
    events: list[RunEvent] = []

    def listen(event: RunEvent) -> None:
        events.append(event)
        heard(event)

    async def run() -> RunSummary:
        async with AsyncClient(app=gateway) as client:
            return await run_plan(plan, client, output=output, on_event=listen, **options)

    return asyncio.run(run()), events


def rows_of(output: Path) -> Any:
    return json.loads((output / "output.json").read_text(encoding="utf-8"))


def errors_of(output: Path) -> list[Any]:
    return [json.loads(line) for line in (output / "errors.jsonl").read_text(encoding="utf-8").splitlines()]


def by_title(answers: dict[str, Reply]) -> Callable[[Recorded], Awaitable[Reply]]:
    async def answer(asked: Recorded) -> Reply:
        prompt = asked.json["prompt"] if asked.json else dict(asked.texts)["prompt"]
        return answers.get(prompt.removeprefix("Draw "), drawn())

    return answer
