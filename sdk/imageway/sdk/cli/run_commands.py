"""Commands about the folder that a run wrote into: their arguments."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from imageway.sdk.cli.words import AsJson, Count, told_once

__all__ = ("add_run_commands",)

Folder = Annotated[Path, Parameter(name="DIR", help="The output folder of a run.")]
Run = Annotated[
    str | None, Parameter(name="--run", help="An earlier run in the folder, by the beginning of its id; the newest.")
]


def add_run_commands(app: App) -> None:
    app.command(_status, name="status")
    app.command(_errors, name="errors")
    app.command(_show, name="show")
    app.command(_verify, name="verify")
    app.command(_gc, name="gc")
    app.command(_export, name="export")
    app.command(_report, name="report")
    app.command(_merge, name="merge")


def _status(folder: Folder, /, *, run: Run = None, as_json: AsJson = False) -> int:
    """Tell how far a run is: records, calls, pictures, cost, failures. It may be going on meanwhile."""
    from imageway.sdk.cli.looking import show_status

    return told_once(lambda: show_status(folder, run=run, as_json=as_json), as_json=as_json)


def _errors(
    folder: Folder,
    /,
    *,
    group: Annotated[str | None, Parameter(help="Only failures with this code.")] = None,
    run: Run = None,
    as_json: AsJson = False,
) -> int:
    """List a run's failed records: id, code and message."""
    from imageway.sdk.cli.looking import show_errors

    return told_once(lambda: show_errors(folder, run=run, code=group, as_json=as_json), as_json=as_json)


def _show(
    folder: Folder,
    record_id: Annotated[str, Parameter(help="The record's id.")],
    /,
    *,
    run: Run = None,
    as_json: AsJson = False,
) -> int:
    """Show all that is known of a record: outcome, row, each call with what was asked, answered and paid."""
    from imageway.sdk.cli.looking import show_record

    return told_once(lambda: show_record(folder, record_id, run=run, as_json=as_json), as_json=as_json)


def _verify(folder: Folder, /, *, run: Run = None, as_json: AsJson = False) -> int:
    """Check that every picture is there, decodes, is as it was received, and has a receipt.

    Exit codes: 0 all is well, 3 something isn't.
    """
    from imageway.sdk.cli.keeping import verify_run

    return told_once(lambda: verify_run(folder, run=run, as_json=as_json), as_json=as_json)


def _gc(
    folder: Folder,
    /,
    *,
    dry_run: Annotated[bool, Parameter(negative="", help="Only say what would be deleted.")] = False,
    unknown: Annotated[
        bool, Parameter(negative="", help="Delete files in the picture folder that no run of ours wrote, too.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Delete files without a receipt that runs left behind. Receipted pictures, and those in doubt, stay."""
    from imageway.sdk.cli.keeping import collect_garbage

    return told_once(
        lambda: collect_garbage(folder, dry_run=dry_run, unknown=unknown, as_json=as_json), as_json=as_json
    )


def _report(
    folder: Folder,
    /,
    *,
    output: Annotated[Path | None, Parameter(name=("--output", "-o"), help="The file; report.html in DIR.")] = None,
    run: Run = None,
    as_json: AsJson = False,
) -> int:
    """Write a contact sheet: one HTML file with thumbnails, prompts, inputs beside edits, costs and failures.

    It needs nothing from outside and can be mailed. Rejects that are marked in it are drawn anew by run --redo.
    """
    from imageway.sdk.cli.report import report_run

    return told_once(lambda: report_run(folder, target=output, run=run, as_json=as_json), as_json=as_json)


def _merge(
    *folders: Annotated[Path, Parameter(name="DIR", help="The output folders of the parts.")],
    to: Annotated[
        Path, Parameter(help="The file to write: .json, .jsonl, .csv or .parquet; the ending says its kind.")
    ],
    as_json: AsJson = False,
) -> int:
    """Write the rows of a run's parts (run --shard) into one file, in the order of the input, each record once.

    Pictures stay where they are. Exit codes: 0, 2 for what are no parts of one run, 3 where records failed or a part
    isn't through.
    """
    from imageway.sdk.cli.merging import merge_runs

    return told_once(lambda: merge_runs(folders, to, as_json=as_json), as_json=as_json)


def _export(
    folder: Folder,
    /,
    *,
    to: Annotated[
        str,
        Parameter(
            help="A folder/ for imagefolder, out.parquet with the pictures in it, shards/{000000..}.tar for WebDataset,"
            " rows.json, .jsonl or .csv; a path, or a URL that fsspec knows. hf://organisation/name pushes to the Hub."
        ),
    ],
    run: Run = None,
    max_shard_bytes: Annotated[Count, Parameter(help="How large a shard is.")] = 10**9,
    dry_run: Annotated[bool, Parameter(negative="", help="Only say what would be pushed to the Hub.")] = False,
    public: Annotated[
        bool, Parameter(negative="", help="Make the data set on the Hub public; private otherwise.")
    ] = False,
    replace: Annotated[
        bool,
        Parameter(
            negative="",
            help="Write over files that are there and that no export of the run made; never over those of the task,"
            " its data, or a run.",
        ),
    ] = False,
    embed_metadata: Annotated[
        bool,
        Parameter(
            negative="",
            help="Put prompt, model and IPTC's source type into PNG pictures as XMP; never into signed ones.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Make a data set of a run, finished or not, as often as you like: pictures with the fields of their records.

    Records that failed, or have no pictures, are left out, except of files of rows. Exit codes: 0, 2 where nothing can
    be written to the place, or something is there that the export didn't make.
    """
    from imageway.sdk.cli.exporting import export_run

    return told_once(
        lambda: export_run(
            folder,
            to,
            run=run,
            max_shard_bytes=max_shard_bytes,
            dry_run=dry_run,
            public=public,
            embed=embed_metadata,
            replace=replace,
            as_json=as_json,
        ),
        as_json=as_json,
    )
