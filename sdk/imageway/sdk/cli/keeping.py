"""`imageway verify` and `gc`: whether a folder is as its journal says, and what can go."""

from pathlib import Path

from imageway.contract.request import JsonValue
from imageway.sdk.cli.talk import Exit, GiveUpError, counted, put, put_json, put_told, say
from imageway.sdk.pipeline.files.lock import RunLockedError, run_lock
from imageway.sdk.pipeline.journal.file import JournalError
from imageway.sdk.pipeline.journal.run_view import open_run
from imageway.sdk.pipeline.output.verify import as_json as told
from imageway.sdk.pipeline.output.verify import findings, orphans

__all__ = ("collect_garbage", "verify_run")


def verify_run(output: Path, *, run: str | None, as_json: bool) -> Exit:
    """Look at every picture of the run, and put on stdout what is wrong; 3 where anything is."""
    try:
        with open_run(output, run) as view:
            count = view.picture_count()
            found = [*findings(view)]
            loose = [*orphans(view)]
    except JournalError as error:
        raise GiveUpError(Exit.UNUSABLE, str(error)) from error
    exit_ = Exit.SOME_FAILED if found else Exit.FINE
    if as_json:
        listed: dict[str, JsonValue] = {
            "findings": [told(one) for one in found],
            "orphans": [told(one) for one in loose],
        }
        put_json({"exit_code": int(exit_), "pictures": count, **listed})
        return exit_
    for one in found:
        put_told(one.code, str(one.path), one.message)
    seen = f"{counted(count, 'picture')} looked at, {counted(len(found), 'finding')}"
    say(f"{seen}; {counted(len(loose), 'file')} without a receipt (imageway gc)")
    return exit_


def collect_garbage(output: Path, *, dry_run: bool, unknown: bool, as_json: bool) -> Exit:
    """Delete what the journal proves to be left over, or with *dry_run* say what that is; with *unknown* also files
    that it has never heard of. Receipted files stay, and pictures of calls that may have been paid for.
    """
    try:
        with open_run(output) as view, run_lock(view.output):
            found = [*orphans(view)]
            going = [one for one in found if one.ours or unknown]
            if not dry_run:
                for one in going:
                    one.path.unlink(missing_ok=True)
    except (JournalError, RunLockedError) as error:
        raise GiveUpError(Exit.UNUSABLE, str(error)) from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise GiveUpError(Exit.UNUSABLE, f"can't delete {error.filename}: {reason}") from error
    left = [one for one in found if one not in going]
    if as_json:
        listed: dict[str, JsonValue] = {"removed": [told(one) for one in going], "left": [told(one) for one in left]}
        put_json({"dry_run": dry_run, **listed})
        return Exit.FINE
    for one in going:
        put(str(one.path))
    verb = "would go" if dry_run else "deleted"
    say(f"{counted(len(going), 'file')} {verb}, {sum(one.size_bytes for one in going):,} bytes")
    if left:
        say(f"{len(left)} files that the journal doesn't know are left alone; --unknown takes them too")
    return Exit.FINE
