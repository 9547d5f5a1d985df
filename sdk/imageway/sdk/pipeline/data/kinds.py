"""What a task says of its records' origin, once its files are read, and which of the records are asked for."""

from pathlib import Path
from typing import Literal, TypeAlias

from msgspec import Struct

__all__ = ("Data", "DataFile", "Format", "Selection")

Format: TypeAlias = Literal["json", "jsonl", "csv", "tsv"]


class DataFile(Struct, frozen=True, kw_only=True):
    """The records' file; relative paths in records are relative to its folder first.

    `format` is by the ending of the file's name where it isn't told. `delimiter` is for CSV.
    """

    path: Path
    encoding: str = "utf-8"
    format: Format | None = None
    delimiter: str | None = None


Data: TypeAlias = DataFile


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
