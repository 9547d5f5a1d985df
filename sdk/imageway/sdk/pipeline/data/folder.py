"""A folder of pictures: a record for each, or those of its `metadata` file, as the Hugging Face ImageFolder has it."""

import os
from collections.abc import Generator, Iterator
from pathlib import Path, PurePosixPath

from msgspec.structs import replace

from imageway.contract.request import ImageFormat, JsonValue
from imageway.sdk.pipeline.data.csv_table import read_csv
from imageway.sdk.pipeline.data.files import reading
from imageway.sdk.pipeline.data.jsonl import read_jsonl
from imageway.sdk.pipeline.data.kinds import DataFile
from imageway.sdk.pipeline.data.parquet import read_parquet
from imageway.sdk.pipeline.data.row import Found

__all__ = ("read_folder",)

_ENDINGS = frozenset(format_.extension for format_ in ImageFormat if format_ is not ImageFormat.UNKNOWN) | {
    "jpeg",
    "tif",
    "heif",
}


def read_folder(data: DataFile) -> Generator[Found]:
    """The records of the folder *data*.

    With a `metadata.jsonl`, `.csv` or `.parquet` they are its rows: `file_name` becomes `image` and the id where there
    is none, `x_file_name` becomes `x`, and `x_file_names` the list `x`. Else they are all pictures below the folder,
    in the order of their names: `id` and `file_name` are the relative path, `image` is the picture, `label` the
    subfolder. Hidden files and links to folders are passed over.
    """
    metadata = _metadata(data)
    if metadata is not None:
        for found in metadata:
            yield replace(found, fields=_named(found.fields)) if found.fault is None else found
        return
    with reading(data):
        for path in _pictures(data.path):
            name = path.relative_to(data.path).as_posix()
            fields: dict[str, JsonValue] = {"id": name, "image": name, "file_name": name}
            if "/" in name:
                fields["label"] = PurePosixPath(name).parts[0]
            yield Found(place=str(path), fields=fields)


def _metadata(data: DataFile) -> Iterator[Found] | None:
    for ending in ("jsonl", "csv", "parquet"):
        path = data.path / f"metadata.{ending}"
        if path.is_file():
            file = DataFile(path=path, encoding=data.encoding)
            match ending:
                case "jsonl":
                    return read_jsonl(file)
                case "csv":
                    return read_csv(file, delimiter=",")
                case _:
                    return read_parquet(file)[0]
    return None


def _named(row: dict[str, JsonValue]) -> dict[str, JsonValue]:
    fields = dict(row)
    for name, value in row.items():
        stem, _, kind = name.rpartition("file_name")
        if kind not in ("", "s") or (stem and not stem.endswith("_")) or (not stem and kind):
            continue
        if stem:
            del fields[name]
        fields.setdefault(stem.removesuffix("_") or "image", value)
    if fields.get("id") is None and "file_name" in row:
        fields["id"] = row["file_name"]
    return fields


def _pictures(folder: Path) -> Iterator[Path]:
    """Subfolders come after a folder's own pictures. Only one folder's names are in memory at a time."""
    with os.scandir(folder) as entries:
        listed = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
    visible = [(name, is_folder) for name, is_folder in listed if not name.startswith(".")]
    for name, is_folder in visible:
        if not is_folder and name.rpartition(".")[2].lower() in _ENDINGS and (folder / name).is_file():
            yield folder / name
    for name, is_folder in visible:
        if is_folder:
            yield from _pictures(folder / name)
