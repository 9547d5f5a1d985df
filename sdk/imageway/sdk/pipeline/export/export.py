"""A run made into something else: what *to* looks like says what."""

from pathlib import Path
from typing import Literal

from msgspec import Struct

from imageway.sdk.pipeline.export.folder import export_folder
from imageway.sdk.pipeline.export.parquet import ParquetFile
from imageway.sdk.pipeline.export.places import is_remote, open_target
from imageway.sdk.pipeline.export.samples import Samples
from imageway.sdk.pipeline.export.shards import export_shards
from imageway.sdk.pipeline.files.sink import own_place
from imageway.sdk.pipeline.journal.run_view import RunView
from imageway.sdk.pipeline.output.output_file import write_rows

__all__ = ("Exported", "export", "kind_of")

Kind = Literal["folder", "parquet", "shards", "rows", "hub"]

_ROWS = (".json", ".jsonl", ".csv")


class Exported(Struct, frozen=True, kw_only=True):
    """What was written. `left_out` records had no pictures, or failed; a file of rows has all of them.

    `changed` pictures aren't as they were received, and `untold` ones couldn't be given their provenance.
    """

    kind: Kind
    files: tuple[str, ...]
    rows: int
    left_out: int
    changed: int = 0
    untold: int = 0


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


def export(run: RunView, target: str, *, max_shard_bytes: int, embed: bool = False) -> Exported:
    """Write the run to *target*, which isn't on the Hub; what is there under the same names is written anew.
    With *embed* provenance is put into the pictures, where that breaks nothing.

    Raises `MissingLibraryError`, `ValueError` for a target that can't be, `JournalError`, and `OSError`.
    """
    kind = kind_of(target)
    _require_elsewhere(run.output, target)
    ended = run.outcomes.counts().ended
    if kind == "rows":
        if embed:
            raise ValueError("--embed-metadata is for pictures, and a file of rows holds none")
        ending = Path(target.rpartition("/")[2]).suffix.lower()
        with open_target(target) as file:
            write_rows(file, ending, run.outcomes.rows)
        return Exported(kind=kind, files=(target,), rows=ended, left_out=0)
    samples = Samples(run, embed=embed)
    rows = sum(1 for _ in samples)
    match kind:
        case "shards":
            files = export_shards(samples, target, max_bytes=max_shard_bytes)
        case "parquet":
            files = [target]
            with open_target(target) as file, ParquetFile(file, samples) as parquet:
                for sample in samples:
                    parquet.add(sample)
        case _:
            files = export_folder(run, samples, target)
    return Exported(
        kind=kind,
        files=tuple(files),
        rows=rows,
        left_out=ended - rows,
        changed=len(samples.changed),
        untold=len(samples.untold),
    )


def _require_elsewhere(output: Path, target: str) -> None:
    """Raise `ValueError` where *target* is among the run's own files."""
    if not is_remote(target) and own_place(output, Path(target)) is not None:
        raise ValueError(f"{target} is among the run's own files; export to another place")
