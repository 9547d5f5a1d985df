"""What a data set is made of: the records of a run that went well and have pictures, each with their bytes."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import PurePosixPath

from msgspec import Struct

from imageway.contract.request import JsonValue
from imageway.sdk.pipeline.export.embedding import with_xmp
from imageway.sdk.pipeline.journal.file import JournalError
from imageway.sdk.pipeline.journal.row_paths import renamed
from imageway.sdk.pipeline.journal.run_view import RunView
from imageway.sdk.pipeline.output.image_folder import PictureColumns, picture_columns
from imageway.sdk.pipeline.output.sidecars import told_of
from imageway.sdk.pipeline.output.tables import column_kinds

__all__ = ("Sample", "Samples")


class Sample(Struct, frozen=True, kw_only=True):
    """A record: `fields` are its columns without pictures, `pictures` the paths of the others' by column."""

    fields: dict[str, JsonValue]
    pictures: dict[str, list[str]]


class Samples:
    """The samples of a run, in the order of its input; gone through as often as one likes.

    `changed` are the pictures that were read and aren't as they were received. With *embed* provenance is put into
    them; `untold` are those that it can't be put into.
    """

    def __init__(self, run: RunView, *, embed: bool = False) -> None:
        self._run = run
        self.embed = embed
        self.changed: set[str] = set()
        self.untold: set[str] = set()
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
        """The bytes of a picture. Raises `JournalError` where it is gone, and `OSError`."""
        path = self._run.output / picture
        try:
            content = path.read_bytes()
        except FileNotFoundError as error:
            raise JournalError(
                f"there is no picture {path} any more; the run's command again draws it, and imageway verify names all"
            ) from error
        known = self._run.picture(picture)
        if sha256(content).hexdigest() != known.sha256:
            self.changed.add(picture)
        if not self.embed:
            return content
        told = with_xmp(content, told_of(known, self._run.call(known.call), self._run))
        if told is None:
            self.untold.add(picture)
        return content if told is None else told
