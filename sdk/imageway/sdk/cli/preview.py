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
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        say("the others are drawn by: imageway run, with the same task and output")
        return exit_
    say("go on with the others? [y/N]")
    answer = await asyncio.to_thread(sys.stdin.readline)
    return await run(None) if answer.strip().lower() in ("y", "yes") else exit_


def _report(task: Path, output: Path | None) -> None:
    report_run(output or (task if task.is_dir() else task.parent), target=None, run=None, as_json=False)
