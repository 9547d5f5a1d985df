"""`imageway run`: everything is checked first, then drawn."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

from msgspec import Struct

from imageway.contract.document import Issue
from imageway.contract.errors import ImageError
from imageway.sdk.cli.allocator import keep_freed_memory
from imageway.sdk.cli.check import against_models, faulty, loaded_task, tell_issues
from imageway.sdk.cli.ending import ANY, FailOn, exit_of, summary_json, told
from imageway.sdk.cli.gateway import open_client
from imageway.sdk.cli.place import Place
from imageway.sdk.cli.progress import events_to, progress
from imageway.sdk.cli.talk import ABORTED, Exit, GiveUpError, put, put_json, say
from imageway.sdk.connecting import GatewayChoice, drawer_of
from imageway.sdk.embedded import Opener
from imageway.sdk.pipeline.data.row import SourceError
from imageway.sdk.pipeline.events import RunEvent
from imageway.sdk.pipeline.files.lock import RunLockedError
from imageway.sdk.pipeline.journal.journal import JournalError
from imageway.sdk.pipeline.journal.redo import RedoError, read_redo
from imageway.sdk.pipeline.loading.loaded import LoadedTask
from imageway.sdk.pipeline.output.targets import TargetError
from imageway.sdk.pipeline.output.unwritten import UnwrittenError
from imageway.sdk.pipeline.run import Bounds, run_plan
from imageway.sdk.pipeline.sending.sharing import shared_folder

__all__ = ("Anew", "run_task")

_STOPPING = (signal.SIGINT, signal.SIGTERM)


class Anew(Struct, frozen=True, kw_only=True):
    """What is drawn again: everything, in the places of earlier pictures or in a fresh run beside them, or rejects."""

    replace: bool = False
    fresh: bool = False
    redo: Path | None = None


_RESUMED = Anew()
_TASK_FOLDER = Place()


async def run_task(
    task: Path,
    *,
    models_file: Path | None,
    choice: GatewayChoice,
    place: Place = _TASK_FOLDER,
    limit: int | None,
    shard: tuple[int, int] = (0, 1),
    bounds: Bounds,
    seed: int = 0,
    as_json: bool,
    anew: Anew = _RESUMED,
    retry_failed: bool = False,
    fail_on: FailOn = ANY,
    events: str | None = None,
    share_identical: bool = False,
    opener: Opener | None = None,
) -> Exit:
    """Check and run *task*, and say what has come of it. Raises `GiveUpError` before the first record.

    What an earlier run was answered isn't asked again, and what was refused only with *retry_failed*. Other pictures in
    the folder are replaced only when everything is drawn *anew* in their places; what sketch drew cost nothing, and
    makes room.
    """
    if anew.replace and anew.fresh:
        raise GiveUpError(
            Exit.UNUSABLE, "--fresh and --replace exclude each other: draw beside the old, or in its place"
        )
    if anew.redo is not None and (anew.replace or anew.fresh):
        raise GiveUpError(
            Exit.UNUSABLE, "--redo draws rejects of a run anew, and --fresh and --replace begin another run"
        )
    try:
        redo = None if anew.redo is None else read_redo(anew.redo)
    except RedoError as error:
        raise GiveUpError(Exit.UNUSABLE, str(error)) from error
    keep_freed_memory()
    loaded = _sound(*loaded_task(task, models_file))
    folder, writing = place.found(loaded.plan.folder)
    async with open_client(choice, opener=opener) as client:
        try:
            specs = await client.models()
            plan = _sound(*against_models(loaded, specs, await client.validations())).plan
            # A task's own code may print, and standard output is for data.
            with (
                progress(os.environ) as shown,
                events_to(events) as written,
                _stoppable() as stop,
                redirect_stdout(sys.stderr),
            ):

                def listener(event: RunEvent) -> None:
                    shown(event)
                    written(event)

                summary = await run_plan(
                    plan,
                    client,
                    output=folder,
                    on_event=listener,
                    bounds=bounds,
                    seed=seed,
                    limit=limit,
                    shard=shard,
                    stop=stop.asked,
                    drawer=drawer_of(choice),
                    anew=anew.replace,
                    fresh=anew.fresh,
                    redo=redo,
                    shared=shared_folder() if share_identical else None,
                    retry_failed=retry_failed,
                    retry_unknown=choice.retry_unknown,
                    writing=writing,
                )
        except ImageError as error:
            raise GiveUpError(Exit.NO_GATEWAY, f"the gateway doesn't tell its models: {error.message}") from error
        except UnwrittenError as error:
            raise GiveUpError(Exit.SOME_FAILED, str(error)) from error
        except (TargetError, SourceError, RunLockedError, JournalError, RedoError) as error:
            raise GiveUpError(Exit.UNUSABLE, str(error)) from error
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise GiveUpError(Exit.UNUSABLE, f"can't write to {error.filename or folder}: {reason}") from error
    exit_ = exit_of(summary, fail_on, terminated=stop.number == signal.SIGTERM)
    for line in told(summary):
        say(line)
    if as_json or events == "-":
        put_json(summary_json(summary, exit_))
    else:
        put(str(summary.output))
    return exit_


def _sound(loaded: LoadedTask | None, issues: Sequence[Issue]) -> LoadedTask:
    tell_issues(issues)
    if loaded is None or faulty(issues):
        raise GiveUpError(Exit.UNUSABLE, "the task can't be run as it is; nothing was drawn")
    return loaded


class _Stop:
    """Set by the first Ctrl+C, or SIGTERM, whose number it then is."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.number: int | None = None


@contextmanager
def _stoppable() -> Iterator[_Stop]:
    """What the first signal sets; the second one cancels the task that is running here."""
    stop = _Stop()
    loop = asyncio.get_running_loop()
    running = asyncio.current_task()

    def interrupted(number: int) -> None:
        if stop.asked.is_set() and running is not None:
            running.cancel()
            return
        stop.asked.set()
        stop.number = number
        say("stopping: what is in flight is being finished; Ctrl+C again gives it up")

    try:
        for number in _STOPPING:
            loop.add_signal_handler(number, interrupted, number)
    except (NotImplementedError, RuntimeError, ValueError):
        yield stop
        return
    try:
        yield stop
    except asyncio.CancelledError:
        if stop.number != signal.SIGTERM:
            raise
        raise GiveUpError(Exit.TERMINATED, ABORTED) from None
    finally:
        for number in _STOPPING:
            loop.remove_signal_handler(number)
