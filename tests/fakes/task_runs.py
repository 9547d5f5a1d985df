"""Whole tasks run in tests: files written, loaded, checked as the command does, and run against a fake gateway."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import dedent
from typing import Any

from msgspec import Struct

from fakes.gateway import FakeGateway, specs
from fakes.task_files import heads
from imageway.sdk.client import AsyncClient
from imageway.sdk.pipeline.checking.model_names import with_known_models
from imageway.sdk.pipeline.events import RunSummary
from imageway.sdk.pipeline.loading.loaded import LoadedTask
from imageway.sdk.pipeline.loading.task import load_task
from imageway.sdk.pipeline.run import run_plan

__all__ = ("Ran", "loaded", "nodes", "ran", "task_folder")


SAMPLER = """
nodes:
  lot:
    node_type: weighted_sampler
    attributes:
      mood: {values: [calm, wild, odd, proud]}
      sure: {values: [never, always], weights: [0, 1]}
  pic: {node_type: llm, output_keys: pic, model: {name: dall-e-2}, prompt: [{user: "{title}: {mood}, {sure}"}]}
edges: [{from: START, to: lot}, {from: lot, to: pic}, {from: pic, to: END}]
"""
"""A graph that draws lots, and one picture by them."""


class Ran(Struct, kw_only=True):
    """What a run left behind: its rows, with names of pictures instead of their paths, and the lines of its errors."""

    rows: list[Any]
    errors: list[Any]
    summary: RunSummary
    gateway: FakeGateway


def task_folder(
    folder: Path,
    graph: str,
    records: Sequence[Mapping[str, Any]] = ({"id": "1", "title": "a cat"},),
    *,
    code: str = "",
    rest: str = "",
    models: str = "",
) -> Path:
    """A task in *folder* whose `graph_config` holds *graph*; *code* is its `task_executor.py`."""
    text = "data_config:\n  source: {type: disk, file_path: data.json}\ngraph_config:\n"
    text += "".join(f"  {line}\n" for line in dedent(graph).strip().splitlines()) + dedent(rest)
    (folder / "graph_config.yaml").write_text(text, encoding="utf-8")
    (folder / "data.json").write_text(json.dumps([*records]), encoding="utf-8")
    for name, content in (("task_executor.py", code), ("models.yaml", models)):
        if content:
            (folder / name).write_text(dedent(content), encoding="utf-8")
    return folder


def nodes(*named: str) -> str:
    """Nodes that draw, each `name: prompt`, into fields of their names."""
    lines = ["nodes:"]
    for one in named:
        name, _, prompt = one.partition(": ")
        head = f"node_type: llm, output_keys: {name}, model: {{name: dall-e-2}}"
        lines.append(f"  {name}: {{{head}, prompt: [{{user: '{prompt}'}}]}}")
    return "\n".join(lines) + "\n"


def loaded(folder: Path, **options: Any) -> LoadedTask:
    """The task in *folder*, against which nothing may stand."""
    task, issues = load_task(folder, working_directory=folder, **{"environment": {}, **options})
    assert task is not None, heads(issues, folder)
    known, issues = with_known_models(task, specs())
    assert known is not None, heads(issues, folder)
    return known


def ran(folder: Path, gateway: FakeGateway | None = None, *, environment: Any = None, **options: Any) -> Ran:
    """Run the task in *folder* into its folder `out`."""
    plan = loaded(folder, environment=environment or {}).plan
    drawing = gateway or FakeGateway()
    output = folder / "out"

    async def run() -> RunSummary:
        async with AsyncClient(app=drawing) as client:
            return await run_plan(plan, client, output=output, on_event=lambda _: None, **options)

    summary = asyncio.run(run())
    errors = output / "errors.jsonl"
    lines = errors.read_text(encoding="utf-8").splitlines() if errors.is_file() else []
    rows = json.loads((output / "output.json").read_text(encoding="utf-8"))
    return Ran(rows=_named(rows, output), errors=[json.loads(line) for line in lines], summary=summary, gateway=drawing)


def _named(value: Any, output: Path) -> Any:
    match value:
        case str():
            return value.replace(f"{output}/multimodal_output/image/", "")
        case list():
            return [_named(item, output) for item in value]
        case dict():
            return {key: _named(item, output) for key, item in value.items()}
        case _:
            return value
