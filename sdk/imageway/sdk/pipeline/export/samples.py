"""What a data set is made of: the records of a run that went well and have pictures, each with their bytes."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from msgspec import Struct

from imageway.contract.request import JsonValue
from imageway.sdk.pipeline.journal.row_paths import renamed
from imageway.sdk.pipeline.journal.run_view import RunView
from imageway.sdk.pipeline.output.image_folder import PictureColumns, picture_columns
from imageway.sdk.pipeline.output.tables import column_kinds

__all__ = ("Sample", "Samples")


class Sample(Struct, frozen=True, kw_only=True):
    """A record: `fields` are its columns without pictures, `pictures` the paths of the others' by column."""

    fields: dict[str, JsonValue]
    pictures: dict[str, list[str]]


class Samples:
    """The samples of a run, in the order of its input; gone through as often as one likes."""

    def __init__(self, run: RunView) -> None:
        self._run = run
        self.columns: PictureColumns = picture_columns(run.outcomes.done_rows())
        self.kinds = column_kinds(sample.fields for sample in self)
        self.order = tuple(dict.fromkeys(name for row in run.outcomes.done_rows() for name in row))

    def __iter__(self) -> Iterator[Sample]:
        held = {*self.columns.single, *self.columns.several}
        for row in self._run.outcomes.done_rows():
            pictures = self.columns.of(row)
            if pictures:
                plain = {name: value for name, value in row.items() if name not in held}
                yield Sample(fields=renamed(plain, lambda path: PurePosixPath(path).name), pictures=pictures)

    def content(self, picture: str) -> bytes:
        """The bytes of a picture, as they were received. Raises `OSError`."""
        return (self._run.output / picture).read_bytes()
