"""The parts of a run, each in a folder of its own, as one output in the order of the input."""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path

from msgspec import Struct

from imageway.contract.request import JsonValue
from imageway.sdk.pipeline.journal.outcomes import Outcome
from imageway.sdk.pipeline.journal.run_view import RunView, open_run
from imageway.sdk.pipeline.output.output_file import write_output

__all__ = ("MergeError", "Merged", "merge")


class MergeError(Exception):
    """The folders don't hold parts of one run; the sentence says why."""


class Merged(Struct, frozen=True, kw_only=True):
    """What was written. `again` records were in several parts. `open_parts` were stopped, cut off, or are running."""

    records: int
    failed: int
    skipped: int
    again: int
    open_parts: tuple[Path, ...]


class _Ended(Struct, frozen=True, kw_only=True):
    position: int
    part: int
    id: str
    outcome: Outcome
    row: dict[str, JsonValue]


def merge(folders: Sequence[Path], target: Path) -> Merged:
    """Write the rows of the newest runs in *folders* to *target*, whose ending says of which kind it is.

    Of a record that several parts have run, the first one that went well counts, else the first. Raises `MergeError`,
    `JournalError`, `MissingLibraryError`, `ValueError` for an ending that isn't known, and `OSError`.
    """
    with ExitStack() as stack:
        parts = [stack.enter_context(open_run(folder)) for folder in folders]
        records = failed = skipped = several = 0
        for ended in _records(parts):
            best = _best(ended)
            records += 1
            failed += best.outcome == "failed"
            skipped += best.outcome == "skipped"
            several += len(ended) > 1
        write_output(target, lambda: (_best(ended).row for ended in _records(parts)))
        return Merged(
            records=records,
            failed=failed,
            skipped=skipped,
            again=several,
            open_parts=tuple(part.output for part in parts if part.ended_at is None or part.stopped is not None),
        )


def _records(parts: Sequence[RunView]) -> Iterator[list[_Ended]]:
    """What each record came to, in the order of the input; several where parts overlap."""
    together = heapq.merge(*(_of(part, number) for number, part in enumerate(parts)), key=_place)
    for position, found in groupby(together, key=lambda ended: ended.position):
        ended = [*found]
        other = next((one for one in ended if one.id != ended[0].id), None)
        if other is not None:
            first, second = parts[ended[0].part].output, parts[other.part].output
            raise MergeError(
                f"these are no parts of one run: record {position} is '{ended[0].id}' in {first},"
                f" and '{other.id}' in {second}"
            )
        yield ended


def _of(part: RunView, number: int) -> Iterator[_Ended]:
    for position, id_, outcome, row in part.file.stream(
        "SELECT position, id, outcome, row FROM record WHERE run = ? ORDER BY position", part.number
    ):
        yield _Ended(position=position, part=number, id=id_, outcome=outcome, row=part.outcomes.readable(row))


def _place(ended: _Ended) -> tuple[int, int]:
    return ended.position, ended.part


def _best(ended: Iterable[_Ended]) -> _Ended:
    return min(ended, key=lambda one: (one.outcome != "done", one.part))
