"""A run made into something else: what *to* looks like says what."""

from pathlib import Path
from typing import Literal

from msgspec import Struct, structs

from imageway.sdk.pipeline.export.folder import export_folder, folder_files
from imageway.sdk.pipeline.export.parquet import ParquetFile
from imageway.sdk.pipeline.export.samples import Samples
from imageway.sdk.pipeline.export.shards import export_shards, shard_name
from imageway.sdk.pipeline.export.targets import Targets, open_targets
from imageway.sdk.pipeline.journal.run_view import RunView
from imageway.sdk.pipeline.output.output_file import write_rows

__all__ = ("Exported", "export", "kind_of")

Kind = Literal["folder", "parquet", "shards", "rows", "hub"]

_ROWS = (".json", ".jsonl", ".csv")


class Exported(Struct, frozen=True, kw_only=True):
    """What was written. `left_out` records had no pictures, or failed; a file of rows has all of them.

    `changed` pictures aren't as they were received, and `untold` ones couldn't be given their provenance. Where not all
    was `noted`, the next export to the same place has to be told to replace it.
    """

    kind: Kind
    files: tuple[str, ...]
    rows: int
    left_out: int
    changed: int = 0
    untold: int = 0
    noted: bool = True


def kind_of(target: str) -> Kind:
    """What *target* asks for. Raises `ValueError`."""
    if not target.strip():
        raise ValueError("--to is empty; it names the file or folder to write")
    name = target.rpartition("/")[2]
    ending = Path(name).suffix.lower()
    if target.startswith("hf://"):
        return "hub"
    if ending == ".tar":
        return "shards"
    if ending == ".parquet":
        return "parquet"
    if ending in _ROWS:
        return "rows"
    if ending and Path(target).is_dir() is False:
        raise ValueError(
            f"{target}: export to a folder/, out.parquet, shards/{{000000..}}.tar, rows.json, .jsonl or .csv,"
            " or hf://organisation/name"
        )
    return "folder"


def export(run: RunView, target: str, *, max_shard_bytes: int, embed: bool = False, replace: bool = False) -> Exported:
    """Write the run to *target*, which isn't on the Hub; what earlier exports of it left there is written anew.
    With *embed* provenance is put into the pictures, where that breaks nothing; with *replace* other files that are
    there are written over, too, but never those of a run, of the task, or of its data.

    Raises `MissingLibraryError`, `ValueError` for a target that can't be, `JournalError`, and `OSError`.
    """
    kind = kind_of(target)
    if kind == "rows" and embed:
        raise ValueError("--embed-metadata is for pictures, and a file of rows holds none")
    with open_targets(run.output, replace=replace) as targets:
        if kind == "rows":
            done = _rows(run, target, targets)
        else:
            done = _pictures(run, kind, target, targets, max_shard_bytes=max_shard_bytes, embed=embed)
        return structs.replace(done, noted=targets.all_noted)


def _rows(run: RunView, target: str, targets: Targets) -> Exported:
    targets.require(target, [target])
    ending = Path(target.rpartition("/")[2]).suffix.lower()
    with targets.opened(target) as file:
        write_rows(file, ending, run.outcomes.rows)
    return Exported(kind="rows", files=(target,), rows=run.outcomes.counts().ended, left_out=0)


def _pictures(
    run: RunView, kind: Kind, target: str, targets: Targets, *, max_shard_bytes: int, embed: bool
) -> Exported:
    ended = run.outcomes.counts().ended
    samples = Samples(run, embed=embed)
    rows = sum(1 for _ in samples)
    match kind:
        case "shards":
            targets.require(target, [shard_name(target, number) for number in range(max(rows, 1))])
            files = export_shards(samples, target, targets, max_bytes=max_shard_bytes)
        case "parquet":
            files = [target]
            targets.require(target, files)
            with targets.opened(target) as file, ParquetFile(file, samples) as parquet:
                for sample in samples:
                    parquet.add(sample)
        case _:
            targets.require(target, folder_files(samples, target))
            files = export_folder(run, samples, target, targets)
    return Exported(
        kind=kind,
        files=tuple(files),
        rows=rows,
        left_out=ended - rows,
        changed=len(samples.changed),
        untold=len(samples.untold),
    )
