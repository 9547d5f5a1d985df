"""`imageway preview`: a few records for real, to look at before the others are drawn."""

import asyncio
import sys
from pathlib import Path

from imageway.sdk.cli.place import Place
from imageway.sdk.cli.report import report_run
from imageway.sdk.cli.run import run_task
from imageway.sdk.cli.talk import Exit, GiveUpError, say
from imageway.sdk.connecting import GatewayChoice
from imageway.sdk.embedded import Opener
from imageway.sdk.pipeline.data.kinds import Blank, Selection
from imageway.sdk.pipeline.data.row import SourceError
from imageway.sdk.pipeline.data.source import open_source
from imageway.sdk.pipeline.loading.task import load_task
from imageway.sdk.pipeline.run import Bounds

__all__ = ("preview_task",)

_BOUNDS = Bounds(concurrency=64, adaptive=True)


async def preview_task(
    task: Path,
    *,
    models_file: Path | None,
    choice: GatewayChoice,
    output: Path | None,
    records: int,
    opener: Opener | None = None,
) -> Exit:
    """Run the first *records*, write the report, and go on if somebody at a terminal says so."""

    async def run(limit: int | None) -> Exit:
        return await run_task(
            task,
            models_file=models_file,
            choice=choice,
            place=Place(output=output),
            limit=limit,
            bounds=_BOUNDS,
            as_json=False,
            opener=opener,
        )

    exit_ = await run(records)
    if exit_ not in (Exit.FINE, Exit.SOME_FAILED):
        return exit_
    try:
        await asyncio.to_thread(_report, task, output)
    except GiveUpError as error:
        say(f"no report: {error.message}")
    if not await asyncio.to_thread(_has_more, task, models_file, records):
        say("these are all the records there are")
        return exit_
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        say("the others are drawn by: imageway run, with the same task and output")
        return exit_
    say("go on with the others? [y/N]")
    answer = await asyncio.to_thread(sys.stdin.readline)
    return await run(None) if answer.strip().lower() in ("y", "yes") else exit_


def _report(task: Path, output: Path | None) -> None:
    folder, _ = Place(output=output).found(task if task.is_dir() else task.parent)
    report_run(folder, target=None, run=None, as_json=False)


def _has_more(task: Path, models_file: Path | None, records: int) -> bool:
    """Whether there are others than the first *records*; so it is for all that is known where nothing can be read."""
    loaded, _ = load_task(task, models_file=models_file)
    if loaded is None:
        return True
    plan = loaded.plan
    if isinstance(plan.data, Blank):
        return False
    try:
        with open_source(plan.data, id_column=plan.id_column, selection=Selection(last=records + 1)) as source:
            there = sum(1 for _ in source)
    except SourceError:
        return True
    return there > records or not there
