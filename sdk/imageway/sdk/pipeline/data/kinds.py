"""What a task says of its records' origin, once its files are read, and which of the records are asked for."""

from pathlib import Path
from typing import Literal, TypeAlias

from msgspec import Struct

from imageway.contract.request import JsonValue

__all__ = (
    "FORMATS",
    "Blank",
    "Data",
    "DataFile",
    "Format",
    "HfDataset",
    "JoinType",
    "Joined",
    "Member",
    "Selection",
    "Transformation",
    "format_by_name",
)

Format: TypeAlias = Literal["json", "jsonl", "csv", "tsv", "parquet", "imagefolder"]
JoinType: TypeAlias = Literal["primary", "column", "sequential", "random", "cross", "vstack"]

FORMATS: dict[str, Format] = {
    "json": "json",
    "jsonl": "jsonl",
    "ndjson": "jsonl",
    "csv": "csv",
    "tsv": "tsv",
    "parquet": "parquet",
    "imagefolder": "imagefolder",
}
"""Formats by what people call them: the endings of files, and `imagefolder`."""


def format_by_name(path: Path) -> Format | None:
    """What the ending of *path* says, that before `.gz` where it is compressed."""
    endings = [suffix.lower().removeprefix(".") for suffix in path.suffixes]
    ending = endings[-2] if endings[-1:] == ["gz"] and len(endings) > 1 else "".join(endings[-1:])
    return FORMATS.get(ending)


class Transformation(Struct, frozen=True, kw_only=True):
    """A step that records go through as they are read: one of SyGra's by its name, or a class or function of the
    task's own by its dotted path.
    """

    transform: str
    params: dict[str, JsonValue] = {}


class DataFile(Struct, frozen=True, kw_only=True):
    """A file of records, or a folder of pictures; relative paths in records are relative to its folder first.

    With `url` the file is read from there by fsspec, and `path` is nothing but its name. `format` is by the ending of
    the name where it isn't told. `delimiter` is for CSV. `fields` are the columns to keep; an `id` stays anyway.
    Dotted paths are sought from `folder`.
    """

    path: Path
    encoding: str = "utf-8"
    format: Format | None = None
    delimiter: str | None = None
    url: str | None = None
    fields: tuple[str, ...] | None = None
    transformations: tuple[Transformation, ...] = ()
    folder: Path = Path()

    @property
    def name(self) -> str:
        """As messages call it."""
        return self.url or str(self.path)


class HfDataset(Struct, frozen=True, kw_only=True):
    """A dataset of the Hugging Face Hub, or one in a folder, which is sought from `folder` first.

    `token` is a secret, or says where it stands: `env:NAME`, `file:PATH`. With `shards` only those Parquet files of the
    dataset are read whose names fit `shard_pattern`, by their places in the alphabet; all of them where it is empty.
    """

    repo_id: str
    config_name: str | None = None
    splits: tuple[str, ...] = ("train",)
    revision: str | None = None
    token: str | None = None
    streaming: bool = False
    shard_pattern: str | None = None
    shards: tuple[int, ...] = ()
    fields: tuple[str, ...] | None = None
    transformations: tuple[Transformation, ...] = ()
    folder: Path = Path()

    @property
    def name(self) -> str:
        return self.repo_id


class Blank(Struct, frozen=True, kw_only=True):
    """No data: empty records, one unless more are asked for."""

    name: str = "no data"


class Member(Struct, frozen=True, kw_only=True):
    """One of several sources; its columns are called `{alias}->{column}`, except where they are stacked.

    `column` joins need `primary_key`, a column of the primary source, and `join_key`, one of this.
    """

    data: "DataFile | HfDataset"
    join: JoinType
    alias: str | None = None
    primary_key: str | None = None
    join_key: str | None = None


class Joined(Struct, frozen=True, kw_only=True):
    """Several sources in one: all of them stacked, or a primary one to whose records the others give columns."""

    members: tuple[Member, ...]

    @property
    def name(self) -> str:
        return ", ".join(member.data.name for member in self.members)


Data: TypeAlias = DataFile | HfDataset | Joined | Blank


class Selection(Struct, frozen=True, kw_only=True):
    """Which records are asked for: those at the positions from `first` to `last`, both counted from 1, and of those the
    ones of shard `shard` of `shards`, counted from 0.

    A record's shard is decided by its id, so that all runs agree and records of one id meet in one shard.
    """

    first: int = 1
    last: int | None = None
    shard: int = 0
    shards: int = 1

    def __post_init__(self) -> None:
        if self.first < 1 or (self.last is not None and self.last < self.first - 1):
            raise ValueError(f"records {self.first} to {self.last}: positions count from 1, and the last isn't before")
        if not 0 <= self.shard < self.shards:
            raise ValueError(f"shard {self.shard}/{self.shards}: shards count from 0, so 0/{self.shards} is the first")
