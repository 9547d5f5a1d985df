"""`imageway report`: the contact sheet of a run."""

from pathlib import Path

from imageway.sdk.cli.place import require_unneeded
from imageway.sdk.cli.talk import Exit, GiveUpError, counted, put, put_json, say
from imageway.sdk.pipeline.journal.file import JournalError
from imageway.sdk.pipeline.journal.run_view import open_run
from imageway.sdk.report.page import write_report
from imageway.sdk.thumbnails import MissingPillowError

__all__ = ("report_run",)


def report_run(output: Path, *, target: Path | None, run: str | None, as_json: bool) -> Exit:
    """Write the sheet of a run in *output*, and put its path on stdout."""
    path = target or output / "report.html"
    require_unneeded([output], path)
    try:
        with open_run(output, run) as view:
            count = write_report(view, path)
    except (JournalError, MissingPillowError) as error:
        raise GiveUpError(Exit.UNUSABLE, str(error)) from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise GiveUpError(Exit.UNUSABLE, f"can't write {error.filename or path}: {reason}") from error
    say(f"{counted(count, 'card')}")
    if as_json:
        put_json({"report": str(path.absolute()), "cards": count})
    else:
        put(str(path.absolute()))
    return Exit.FINE
