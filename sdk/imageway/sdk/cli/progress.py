"""A run's progress on stderr: a bar on a terminal, elsewhere a plain line now and then; and its events as JSON."""

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TextIO

import msgspec

from imageway.sdk.cli.talk import Exit, GiveUpError, say
from imageway.sdk.pipeline.events import Listener, Noted, RecordFinished, RunEvent, RunStarted, Throttled

__all__ = ("PlainProgress", "events_to", "is_live", "progress")

_EVERY_S = 10.0
_SHOWN_CODES = 3


def is_live(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Whether a bar that redraws itself is welcome."""
    unwelcome = environment.get("NO_COLOR") or environment.get("CI") or environment.get("TERM") == "dumb"
    return stream.isatty() and not unwelcome


def progress(environment: Mapping[str, str]) -> AbstractContextManager[Listener]:
    """A listener that shows a run."""
    return _bar() if is_live(sys.stderr, environment) else _plain()


@contextmanager
def events_to(target: str | None) -> Iterator[Listener]:
    """A listener that writes each event as a line of JSON: to the file *target*, or to stdout for `-`.

    Raises `GiveUpError` for a file that can't be written.
    """
    if target is None:
        yield lambda _: None
        return
    if target == "-":
        out = sys.stdout  # which is another one while a task's own code may print

        def put_event(event: RunEvent) -> None:
            text = msgspec.json.encode(event).decode()
            out.write((text if text.isascii() else json.dumps(json.loads(text))) + "\n")
            out.flush()

        yield _while_it_can(put_event)
        return
    with ExitStack() as stack:
        try:
            file = stack.enter_context(Path(target).open("ab", buffering=0))  # followers see each event at once
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise GiveUpError(Exit.UNUSABLE, f"can't write events to {target}: {reason}") from error

        def write(event: RunEvent) -> None:
            file.write(msgspec.json.encode(event) + b"\n")

        yield _while_it_can(write)


def _while_it_can(write: Listener) -> Listener:
    """*write* until it fails, which is told once: a run doesn't end because nobody can be told of it."""
    failed = False

    def listen(event: RunEvent) -> None:
        nonlocal failed
        if failed:
            return
        try:
            write(event)
        except OSError as error:
            failed = True
            say(f"events can't be written any more ({error.strerror or type(error).__name__}); the run goes on")

    return listen


class Tally:
    """What is known of a run so far, in words: pictures a minute, money, failures by code."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.began_s = clock()
        self._pictures = 0
        self._spent_usd: Decimal | None = None
        self._codes: Counter[str] = Counter()
        self._throttled = 0
        self._in_flight: int | None = None

    def hear(self, event: RunEvent) -> None:
        match event:
            case RunStarted():
                self.began_s = self._clock()
            case Throttled():
                self._throttled += 1
                self._in_flight = event.in_flight
            case RecordFinished():
                self._pictures += event.pictures
                self._spent_usd = event.spent_usd
                if event.fault is not None:
                    self._codes[event.fault.code] += 1

    def words(self, now_s: float) -> str:
        minutes = (now_s - self.began_s) / 60
        failed = ", ".join(f"{code} {count}" for code, count in self._codes.most_common(_SHOWN_CODES))
        told = [f"{self._codes.total()} failed" + (f" ({failed})" if failed else "")]
        if self._pictures and minutes > 0:
            told.append(f"{self._pictures / minutes:.1f} pictures a minute")
        if self._spent_usd:
            told.append(f"${self._spent_usd:.2f}")
        if self._throttled:
            told.append(f"asked to wait {self._throttled} times, {self._in_flight} calls at a time")
        return ", ".join(told)


class PlainProgress:
    """A line at most every ten seconds."""

    def __init__(self, tell: Callable[[str], None] = say, clock: Callable[[], float] = time.monotonic) -> None:
        self._tell = tell
        self._clock = clock
        self._tally = Tally(clock)
        self._told_s = self._tally.began_s

    def __call__(self, event: RunEvent) -> None:
        self._tally.hear(event)
        match event:
            case Noted(message=message):
                self._tell(message)
            case RunStarted():
                self._told_s = self._tally.began_s
            case RecordFinished():
                now_s = self._clock()
                if now_s - self._told_s >= _EVERY_S and event.done != event.total:
                    self._told_s = now_s
                    self._tell(self._line(event, now_s))

    def _line(self, event: RecordFinished, now_s: float) -> str:
        if event.total is None:
            return f"{event.done} records, {self._tally.words(now_s)}"
        left_s = round((now_s - self._tally.began_s) / event.done * (event.total - event.done))
        minutes, seconds = divmod(left_s, 60)
        return f"{event.done}/{event.total} records, {self._tally.words(now_s)}, about {minutes}:{seconds:02} left"


@contextmanager
def _plain() -> Iterator[Listener]:
    yield PlainProgress()


@contextmanager
def _bar() -> Iterator[Listener]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    tally = Tally(time.monotonic)
    bar = Progress(
        TextColumn("records"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[told]}", markup=False),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        redirect_stdout=False,
    )
    task = bar.add_task("records", total=None, told=tally.words(time.monotonic()))

    def listen(event: RunEvent) -> None:
        tally.hear(event)
        match event:
            case Noted(message=message):
                bar.console.print(message, markup=False, highlight=False)
            case RunStarted(total=total):
                bar.update(task, total=total)
            case RecordFinished():
                bar.update(task, completed=event.done, told=tally.words(time.monotonic()))
            case Throttled():
                bar.update(task, told=tally.words(time.monotonic()))

    with bar:
        yield listen
