"""`metadata.jsonl` beside pictures: with it, Hugging Face's `imagefolder` loads their folder as a dataset."""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path

from msgspec import Struct

from imageway.contract.request import JsonValue
from imageway.sdk.pipeline.files.json_text import json_bytes
from imageway.sdk.pipeline.files.sink import atomic_file
from imageway.sdk.pipeline.journal.row_paths import picture_of, pictures_in, renamed
from imageway.sdk.pipeline.output.tables import cell, has_one_type, kind_of

__all__ = ("METADATA", "PictureColumns", "metadata_rows", "picture_columns", "write_metadata")

METADATA = "metadata.jsonl"

Row = dict[str, JsonValue]


class PictureColumns(Struct, frozen=True, kw_only=True):
    """The columns that hold one picture, and those that hold several in some row, in the order they are met.

    `image` is the column that is loaded as `image`, the first that holds one picture; None where another column is
    called so. `mixed` are the other columns whose values have no type in common, with the kinds of these: a dataset
    has one type for a column.
    """

    single: tuple[str, ...]
    several: tuple[str, ...]
    image: str | None
    mixed: dict[str, set[str]] = {}

    def key(self, column: str) -> str:
        """What the column is called in `metadata.jsonl`."""
        if column in self.several:
            return f"{column}_file_names"
        return "file_name" if column == self.image else f"{column}_file_name"

    def of(self, row: Row) -> dict[str, list[str]]:
        """The pictures in these columns of *row*, where there are any."""
        found = {name: [*pictures_in(row.get(name))] for name in row if name in self.single or name in self.several}
        return {name: paths for name, paths in found.items() if paths}


def picture_columns(rows: Iterable[Row]) -> PictureColumns:
    """Which columns of *rows*, as the journal keeps them, hold pictures."""
    several: dict[str, bool] = {}
    others: dict[str, set[str]] = {}
    for row in rows:
        for name, value in row.items():
            if picture_of(value) is not None:
                several.setdefault(name, False)
            elif isinstance(value, list) and value and all(picture_of(item) is not None for item in value):
                several[name] = True
            elif value is not None:
                others.setdefault(name, set()).add(kind_of(value))
    single = tuple(name for name, many in several.items() if not many)
    taken = (set(others) | set(several)) & {"image", "file_name"}
    return PictureColumns(
        single=single,
        several=tuple(name for name, many in several.items() if many),
        image=single[0] if single and taken <= {single[0]} else None,
        mixed={name: kinds for name, kinds in others.items() if not has_one_type(kinds)},
    )


def metadata_rows(rows: Iterable[Row], columns: PictureColumns, *, folder: str) -> Iterator[Row]:
    """The lines of `metadata.jsonl` in *folder*, which is relative to the output folder.

    A row without a picture in one of the columns is left out: there is nothing to load it for.
    """

    def within(path: str) -> str:
        return path.removeprefix(f"{folder}/")

    for row in rows:
        pictures = columns.of(row)
        if not pictures:
            continue
        told: Row = {}
        for name, value in renamed(row, within).items():
            if name in columns.several:
                told[columns.key(name)] = [within(path) for path in pictures.get(name, ())]
            elif name in columns.single:
                told[columns.key(name)] = value
            else:
                told[name] = cell(value, columns.mixed[name]) if name in columns.mixed else value
        yield told


def write_metadata(folder: Path, rows: Callable[[], Iterable[Row]], *, within: str) -> Path | None:
    """Write `metadata.jsonl` into *folder* for *rows*, whose pictures lie in *within*, seen from the output folder.

    Where no row has a picture there is no such file afterwards.
    """
    path = folder / METADATA
    columns = picture_columns(rows())
    lines = metadata_rows(rows(), columns, folder=within)
    first = next(lines, None)
    if first is None:
        if path.is_file():
            path.unlink()
        return None
    with atomic_file(path) as file:
        file.writelines(json_bytes(line) + b"\n" for line in chain([first], lines))
    return path
