"""A run's progress on stderr: a bar on a terminal, elsewhere a plain line now and then."""

import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, TextIO

from imageway.sdk.cli.talk import say
from imageway.sdk.pipeline.events import Listener, Noted, RecordFinished, RunEvent, RunStarted

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ("PlainProgress", "is_live", "progress")

_EVERY_S = 10.0


def is_live(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Whether a bar that redraws itself is welcome."""
    unwelcome = environment.get("NO_COLOR") or environment.get("CI") or environment.get("TERM") == "dumb"
    return stream.isatty() and not unwelcome


def progress(environment: Mapping[str, str]) -> AbstractContextManager[Listener]:
    """A listener that shows a run."""
    return _bar() if is_live(sys.stderr, environment) else _plain()


class PlainProgress:
    """A line at most every ten seconds."""

    def __init__(self, tell: Callable[[str], None] = say, clock: Callable[[], float] = time.monotonic) -> None:
        self._tell = tell
        self._clock = clock
        self._began_s = self._told_s = clock()
        self._failed = 0

    def __call__(self, event: RunEvent) -> None:
        match event:
            case Noted(message=message):
                self._tell(message)
            case RunStarted():
                self._began_s = self._told_s = self._clock()
            case RecordFinished():
                self._failed += event.fault is not None
                now_s = self._clock()
                if now_s - self._told_s >= _EVERY_S and event.done != event.total:
                    self._told_s = now_s
                    self._tell(self._line(event, now_s - self._began_s))

    def _line(self, event: RecordFinished, elapsed_s: float) -> str:
        if event.total is None:
            return f"{event.done} records, {self._failed} failed"
        left_s = round(elapsed_s / event.done * (event.total - event.done))
        minutes, seconds = divmod(left_s, 60)
        return f"{event.done}/{event.total} records, {self._failed} failed, about {minutes}:{seconds:02} left"


@contextmanager
def _plain() -> "Iterator[Listener]":
    yield PlainProgress()


@contextmanager
def _bar() -> "Iterator[Listener]":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("records"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[failed]} failed"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        redirect_stdout=False,
    )
    task = bar.add_task("records", total=None, failed=0)
    failed = 0

    def listen(event: RunEvent) -> None:
        nonlocal failed
        match event:
            case Noted(message=message):
                bar.console.print(message, markup=False, highlight=False)
            case RunStarted(total=total):
                bar.update(task, total=total)
            case RecordFinished():
                failed += event.fault is not None
                bar.update(task, completed=event.done, failed=failed)

    with bar:
        yield listen
