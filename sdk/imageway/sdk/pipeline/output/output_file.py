"""A run's rows as one file, whose ending says of which kind: `.json`, `.jsonl`, `.csv` or `.parquet`."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, TypeAlias

from imageway.contract.request import JsonValue
from imageway.sdk.pipeline.files.json_text import json_bytes
from imageway.sdk.pipeline.files.sink import atomic_file
from imageway.sdk.pipeline.output.tables import column_kinds, write_csv, write_parquet

__all__ = ("OUTPUT_ENDINGS", "Rows", "write_output", "write_rows")

OUTPUT_ENDINGS = (".json", ".jsonl", ".csv", ".parquet")

Rows: TypeAlias = Callable[[], Iterable[dict[str, JsonValue]]]
"""Gives the rows, each time from the first: what has columns looks at them twice."""


def write_output(path: Path, rows: Rows) -> Path:
    """Write *rows*, as they are ordered, one after the other: memory stays the same however many there are.

    Raises `MissingLibraryError` for Parquet without its extra, and `ValueError` for an ending that isn't known.
    """
    ending = path.suffix.lower()
    if ending not in OUTPUT_ENDINGS:
        raise ValueError(f"{path.name}: the ending must be one of {', '.join(OUTPUT_ENDINGS)}")
    with atomic_file(path) as file:
        write_rows(file, ending, rows)
    return path


def write_rows(file: BinaryIO, ending: str, rows: Rows) -> None:
    """The same into an open file."""
    match ending:
        case ".jsonl":
            file.writelines(json_bytes(row) + b"\n" for row in rows())
        case ".csv":
            write_csv(file, rows(), column_kinds(rows()))
        case ".parquet":
            write_parquet(file, rows(), column_kinds(rows()))
        case _:
            file.writelines(_json_list(rows()))


def _json_list(rows: Iterable[dict[str, JsonValue]]) -> Iterator[bytes]:
    before = b"[\n"
    for row in rows:
        yield before + b"  " + json_bytes(row, indent=2).replace(b"\n", b"\n  ")
        before = b",\n"
    yield b"\n]\n" if before == b",\n" else b"[]\n"
