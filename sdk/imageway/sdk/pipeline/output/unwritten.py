"""The end of a run whose files can't be written: another thing than a run that can't begin."""

from collections.abc import Iterator
from contextlib import contextmanager

from imageway.sdk.pipeline.journal.file import JournalError

__all__ = ("UnwrittenError", "unwritten")


class UnwrittenError(OSError):
    """What has come of a run can't be written; what was drawn is in its folder and in its journal."""


@contextmanager
def unwritten() -> Iterator[None]:
    """Have what fails in the block told as an `UnwrittenError`."""
    try:
        yield
    except (OSError, JournalError) as error:
        kept = "what was drawn is kept in the output folder, and the same command goes on"
        raise UnwrittenError(f"what has come of the run can't be written ({_reason(error)}); {kept}") from error


def _reason(error: OSError | JournalError) -> str:
    if isinstance(error, JournalError):
        return str(error)
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or type(error).__name__}"
