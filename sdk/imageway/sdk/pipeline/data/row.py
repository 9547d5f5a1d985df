"""A record as a source gives it: with its place in the input and its id, or with what is wrong with it."""

from collections.abc import Mapping

from msgspec import Struct

from imageway.contract.request import JsonValue

__all__ = ("Found", "Row", "RowFault", "SourceError")


class SourceError(Exception):
    """The data can't be used, or not beyond this point; the sentence names the file and, where known, the line."""


class Found(Struct, frozen=True, kw_only=True):
    """What a reader finds at `place` (`file:line`, or a file and a position): fields, or with `fault` none."""

    place: str
    fields: dict[str, JsonValue] = {}
    fault: str | None = None


class RowFault(Struct, frozen=True, kw_only=True):
    """Why a record can't be run. `code` is invalid_record, invalid_id or duplicate_id."""

    code: str
    message: str
    param: str | None = None


class Row(Struct, frozen=True, kw_only=True):
    """A record of the input, or with `fault` what stands in its place; it takes part in the run, as a failed one.

    `position` counts from 1 in the whole input, whatever is selected of it. Of a record without fields, or whose id is
    no id, `record_id` is `record_` and the position. `fields` is JSON: pictures that came as bytes are data URLs.
    """

    position: int
    record_id: str
    fields: Mapping[str, JsonValue]
    place: str
    fault: RowFault | None = None
