"""`imageway merge`: the parts of a run as one output."""

from collections.abc import Sequence
from pathlib import Path

from imageway.sdk.cli.place import require_unneeded
from imageway.sdk.cli.talk import Exit, GiveUpError, counted, put, put_json, say
from imageway.sdk.pipeline.journal.file import JournalError
from imageway.sdk.pipeline.output.merge import MergeError, merge
from imageway.sdk.pipeline.output.tables import MissingLibraryError

__all__ = ("merge_runs",)


def merge_runs(folders: Sequence[Path], target: Path, *, as_json: bool) -> Exit:
    """Write the rows of the runs in *folders* to *target*, whose path goes to stdout. Raises `GiveUpError`."""
    require_unneeded(folders, target)
    try:
        done = merge(folders, target)
    except (MergeError, JournalError, MissingLibraryError, ValueError) as error:
        raise GiveUpError(Exit.UNUSABLE, str(error)) from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise GiveUpError(Exit.UNUSABLE, f"can't write {target}: {reason}") from error
    again = f"; {done.again:,} were in several parts, and are written once" if done.again else ""
    skipped = f", {done.skipped:,} passed over" if done.skipped else ""
    say(
        f"{counted(done.records, 'record')} of {counted(len(folders), 'part')}, {done.failed:,} failed{skipped}{again};"
        f" {target}"
    )
    for folder in done.open_parts:
        say(f"{folder}: this part isn't through; its command goes on, and merge takes what it has then")
    exit_ = Exit.SOME_FAILED if done.failed or done.open_parts else Exit.FINE
    if as_json:
        put_json({
            "exit_code": int(exit_),
            "output": str(target),
            "records": done.records,
            "failed": done.failed,
            "skipped": done.skipped,
            "again": done.again,
            "open_parts": [str(folder) for folder in done.open_parts],
        })  # fmt: skip
    else:
        put(str(target))
    return exit_
