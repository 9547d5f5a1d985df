"""`imageway export`: a run made into a data set."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from imageway.contract.request import JsonValue
from imageway.sdk.cli.talk import Exit, GiveUpError, counted, put, put_json, say
from imageway.sdk.pipeline.export.export import export, kind_of
from imageway.sdk.pipeline.export.hub import hub_api, prepare, push, repository_of
from imageway.sdk.pipeline.export.samples import Samples
from imageway.sdk.pipeline.journal.file import JournalError
from imageway.sdk.pipeline.journal.run_view import RunView, open_run
from imageway.sdk.pipeline.output.tables import MissingLibraryError

__all__ = ("export_run",)


def export_run(
    output: Path,
    target: str,
    *,
    run: str | None,
    max_shard_bytes: int,
    dry_run: bool,
    public: bool,
    embed: bool = False,
    replace: bool = False,
    as_json: bool,
    api: Callable[[], Any] = hub_api,
) -> Exit:
    """Write the run in *output* to *target*; what was written goes to stdout. Raises `GiveUpError`."""
    try:
        with open_run(output, run) as view:
            if kind_of(target) == "hub":
                if replace:
                    raise GiveUpError(
                        Exit.UNUSABLE, "--replace is for files; the Hub keeps what a push takes the place of"
                    )
                told = _pushed(view, target, dry_run=dry_run, public=public, embed=embed, api=api)
            elif dry_run or public:
                raise GiveUpError(Exit.UNUSABLE, "--dry-run and --public are for the Hub: --to hf://organisation/name")
            else:
                told = _exported(view, target, max_shard_bytes, embed=embed, replace=replace)
    except (JournalError, MissingLibraryError, ValueError) as error:
        raise GiveUpError(Exit.UNUSABLE, str(error)) from error
    except OSError as error:
        reason = error.strerror or str(error) or type(error).__name__
        raise GiveUpError(Exit.UNUSABLE, f"can't export {error.filename or output}: {reason}") from error
    if as_json:
        put_json(told)
        return Exit.FINE
    files = told["files"]
    for name in files if isinstance(files, list) else ():
        put(str(name))
    return Exit.FINE


def _exported(view: RunView, target: str, max_shard_bytes: int, *, embed: bool, replace: bool) -> dict[str, JsonValue]:
    done = export(view, target, max_shard_bytes=max_shard_bytes, embed=embed, replace=replace)
    say(f"{counted(done.rows, 'record')} written to {target}{_left_out(done.left_out)}")
    _tell_pictures(done.changed, done.untold)
    if not done.noted:
        say(f"{view.output / '.imageway'} takes no notes: the next export to {target} needs --replace")
    return {
        "to": target,
        "kind": done.kind,
        "records": done.rows,
        "left_out": done.left_out,
        "changed": done.changed,
        "untold": done.untold,
        "files": [*done.files],
    }


def _pushed(
    view: RunView, target: str, *, dry_run: bool, public: bool, embed: bool, api: Callable[[], Any]
) -> dict[str, JsonValue]:
    repository = repository_of(target)
    samples = Samples(view, embed=embed)
    rows = sum(1 for _ in samples)
    with TemporaryDirectory(prefix="imageway-") as folder:
        prepared = prepare(view, samples, Path(folder))
        size = sum(prepared.files.values())
        visible = "public" if public else "private"
        verb = "would be pushed" if dry_run else "are pushed"
        say(
            f"{rows} records in {len(prepared.files)} files of {size} bytes {verb} to the {visible} data set"
            f" {repository}{_left_out(view.outcomes.counts().ended - rows)}"
        )
        _tell_pictures(len(samples.changed), len(samples.untold))
        if not dry_run:
            say(push(prepared, repository, private=not public, api=api))
    return {
        "to": target,
        "kind": "hub",
        "repository": repository,
        "private": not public,
        "dry_run": dry_run,
        "records": rows,
        "left_out": view.outcomes.counts().ended - rows,
        "size_bytes": size,
        "files": [*prepared.files],
    }


def _tell_pictures(changed: int, untold: int) -> None:
    if changed:
        say(f"{counted(changed, 'picture')} in it: not as received; imageway verify names them")
    if untold:
        say(f"{counted(untold, 'picture')} in it: without metadata, being signed or no PNG; imageway show has it")


def _left_out(count: int) -> str:
    return f"; {count} that failed or have no pictures are left out" if count else ""
