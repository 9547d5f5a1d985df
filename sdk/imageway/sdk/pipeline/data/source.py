"""A task's records, one after the other: memory stays the same however many there are."""

import asyncio
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import ExitStack, closing
from itertools import chain, islice
from pathlib import Path
from types import TracebackType
from typing import Self
from zlib import crc32

from msgspec.structs import replace

from imageway.contract.request import JsonValue
from imageway.sdk.pipeline.data.csv_table import read_csv
from imageway.sdk.pipeline.data.files import STDIN
from imageway.sdk.pipeline.data.folder import read_folder
from imageway.sdk.pipeline.data.hf import read_hf
from imageway.sdk.pipeline.data.ids import SeenIds, record_id
from imageway.sdk.pipeline.data.joined import read_joined
from imageway.sdk.pipeline.data.json_text import read_json
from imageway.sdk.pipeline.data.jsonl import read_jsonl
from imageway.sdk.pipeline.data.kinds import (
    FORMATS,
    Blank,
    Data,
    DataFile,
    Format,
    HfDataset,
    Joined,
    Selection,
    format_by_name,
)
from imageway.sdk.pipeline.data.parquet import read_parquet
from imageway.sdk.pipeline.data.row import Found, Row, RowFault, SourceError
from imageway.sdk.pipeline.data.transforms import transforming

__all__ = ("Source", "open_source")

_AHEAD = 16
_MOST_LEVELS = 100
_ALL = Selection()


def open_source(data: Data, *, id_column: str | None = None, selection: Selection = _ALL) -> "Source":
    """The records of *data* that *selection* asks for; use it in a `with` block, and go through it once.

    Raises `SourceError` where the data can't be used; also while it is gone through, where a file is broken further
    on. A single record that is broken is a `Row` with a fault instead. There is at least one record.
    """
    return Source(data, id_column, selection)


class Source:
    """An open source. Ids are told apart over all records that are selected.

    `count` is how many rows there will be, where that is known before all is read. Relative paths of pictures are
    looked up in `folders`, which are the data's own. Iterate it in one thread, or in an event loop, where reading
    happens in a thread, some rows ahead.
    """

    def __init__(self, data: Data, id_column: str | None, selection: Selection) -> None:
        self._id_column = id_column
        if isinstance(data, Blank) and selection.last is None:
            selection = replace(selection, last=1)
        self._selection = selection
        self._open = ExitStack()
        found, count = _read(data)
        self._open.enter_context(closing(found))
        self._found = chain([_first(found, data)], found)
        self._seen = self._open.enter_context(closing(SeenIds()))
        self.count = _selected(count, selection)
        self.folders = tuple(dict.fromkeys(_folders(data)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._open.close()

    def __iter__(self) -> Iterator[Row]:
        first, last = self._selection.first, self._selection.last
        for position, found in enumerate(islice(self._found, last), start=1):
            if position >= first:
                row = self._row(found, position)
                if _in_shard(row.record_id, self._selection):
                    yield self._told_apart(row)

    async def __aiter__(self) -> AsyncIterator[Row]:
        rows = iter(self)
        while batch := await asyncio.to_thread(lambda: [*islice(rows, _AHEAD)]):
            for row in batch:
                yield row

    def _row(self, found: Found, position: int) -> Row:
        wrong = found.fault or _too_deep(found.fields)
        if wrong is not None:
            fault: RowFault | None = RowFault(code="invalid_record", message=f"{found.place}: {wrong}")
            id_ = f"record_{position}"
            found = replace(found, fields={})
        else:
            id_, fault = record_id(found.fields, self._id_column, position)
        return Row(position=position, record_id=id_, fields=found.fields, place=found.place, fault=fault)

    def _told_apart(self, row: Row) -> Row:
        if row.fault is not None:
            return row
        fault = self._seen.duplicate(row.record_id, row.position)
        if fault is None:
            return row
        return Row(position=row.position, record_id=row.record_id, fields=row.fields, place=row.place, fault=fault)


def _too_deep(fields: dict[str, JsonValue]) -> str | None:
    """What is wrong with a record whose values lie too deep in one another to be gone through later."""
    level: list[JsonValue] = [*fields.values()]
    for _ in range(_MOST_LEVELS):
        inner = [value for value in level if isinstance(value, dict | list)]
        if not inner:
            return None
        level = [item for value in inner for item in (value.values() if isinstance(value, dict) else value)]
    return f"the record is nested too deeply: more than {_MOST_LEVELS} levels"


def _read(data: Data) -> tuple[Generator[Found], int | None]:
    match data:
        case Blank():
            return _blank(), None
        case Joined():
            return read_joined(data, lambda one: _read(one)[0]), None
        case _:
            found, count = read_hf(data) if isinstance(data, HfDataset) else _read_file(data)
    if not data.transformations and data.fields is None:
        return found, count
    return _changed(found, data), None


def _read_file(data: DataFile) -> tuple[Generator[Found], int | None]:
    match _format(data):
        case "json":
            return read_json(data)
        case "jsonl":
            return read_jsonl(data), None
        case "csv":
            return read_csv(data, delimiter=data.delimiter or ","), None
        case "tsv":
            return read_csv(data, delimiter=data.delimiter or "\t"), None
        case "parquet":
            return read_parquet(data)
        case "imagefolder":
            return read_folder(data), None


def _changed(found: Generator[Found], data: DataFile | HfDataset) -> Generator[Found]:
    with closing(found):
        for one in transforming(found, data.transformations, data.folder):
            if data.fields is None or one.fault is not None:
                yield one
                continue
            lacking = next((name for name in data.fields if name not in one.fields), None)
            if lacking is not None:
                yield Found(place=one.place, fault=f"there is no '{lacking}', which fields asks for")
                continue
            kept = {name: value for name, value in one.fields.items() if name in data.fields or name == "id"}
            yield replace(one, fields=kept)


def _blank() -> Generator[Found]:
    number = 0
    while True:
        number += 1
        yield Found(place=f"no data, record {number}")


def _format(data: DataFile) -> Format:
    if data.format is not None:
        return data.format
    if data.path == STDIN:
        return "jsonl"
    if data.url is None and data.path.is_dir() and data.path.suffix.lower().removeprefix(".") not in FORMATS:
        return "imagefolder"
    found = format_by_name(data.path)
    if found is None:
        known = ", ".join(FORMATS)
        raise SourceError(f"{data.name}: the file's ending doesn't say how it is read; say file_format: {known}")
    return found


def _folders(data: Data) -> Iterator[Path]:
    match data:
        case DataFile() if data.url is None and data.path != STDIN:
            yield data.path.absolute() if data.path.is_dir() else data.path.absolute().parent
        case HfDataset():
            yield from (path for base in (data.folder, Path()) if (path := (base / data.repo_id).absolute()).is_dir())
        case Joined():
            for member in data.members:
                yield from _folders(member.data)


def _first(found: Iterator[Found], data: Data) -> Found:
    for first in found:
        return first
    raise SourceError(f"{data.name}: there are no records in it")


def _selected(count: int | None, selection: Selection) -> int | None:
    if count is None or selection.shards > 1:
        return None
    last = count if selection.last is None else min(count, selection.last)
    return max(0, last - selection.first + 1)


def _in_shard(record_id: str, selection: Selection) -> bool:
    if selection.shards == 1:
        return True
    return crc32(record_id.encode("utf-8", "surrogatepass")) % selection.shards == selection.shard
