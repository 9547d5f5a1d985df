"""Rows as the journal keeps them: pictures of the run by their place in the output folder, so that it can be moved.

Only a file of the folder of pictures is marked as one, whatever a record's text looks like: what is marked is read.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from imageway.contract.request import JsonValue
from imageway.sdk.pipeline.files.json_text import json_bytes
from imageway.sdk.pipeline.files.sink import picture_folder

__all__ = ("packer", "picture_of", "pictures_in", "renamed", "unpacked")

_NUL = "\0"
_MARK = f"{_NUL}picture:"


def packer(output: Path) -> Callable[[dict[str, JsonValue]], str]:
    """What makes JSON of a row, in which the absolute paths of the run's pictures are marked, and relative to *output*.

    Made once for all rows: paths take longer to put together than a row to write.
    """
    place = picture_folder(output).relative_to(output.absolute()).as_posix()
    folder = f"{picture_folder(output)}{os.sep}"

    def mark(text: str) -> str:
        name = text.removeprefix(folder)
        if name != text and os.sep not in name and name not in {"", ".", ".."}:
            return f"{_MARK}{place}/{name}"
        return _NUL + text if text.startswith(_NUL) else text

    def packed(row: dict[str, JsonValue]) -> str:
        return json_bytes(_changed(row, mark)).decode()

    return packed


def unpacked(row: dict[str, JsonValue], output: Path, *, relative: bool) -> dict[str, JsonValue]:
    """A row of the journal with paths that can be opened: absolute, or relative to *output*."""
    if relative:
        return renamed(row, str)
    # Texts, since paths take longer to put together than all else of a row.
    folder = os.path.join(output, "")  # noqa: PTH118  # one separator at its end, which a root has already
    return renamed(row, lambda path: folder + path.replace("/", os.sep))


def renamed(row: dict[str, JsonValue], name: Callable[[str], str]) -> dict[str, JsonValue]:
    """A row of the journal in which *name* says what its pictures are called, by their paths in the output folder."""

    def found(text: str) -> str:
        if text.startswith(_MARK):
            return name(text.removeprefix(_MARK))
        return text.removeprefix(_NUL)

    return {column: _changed(value, found) for column, value in row.items()}


def picture_of(value: JsonValue) -> str | None:
    """The path, relative to the output folder, of the picture that *value* is, in a row as the journal keeps it."""
    return value.removeprefix(_MARK) if isinstance(value, str) and value.startswith(_MARK) else None


def pictures_in(value: JsonValue) -> Iterator[str]:
    """The paths of all pictures in a row as the journal keeps it, relative to the output folder."""
    match value:
        case str():
            path = picture_of(value)
            if path is not None:
                yield path
        case list():
            for item in value:
                yield from pictures_in(item)
        case dict():
            for item in value.values():
                yield from pictures_in(item)


def _changed(value: JsonValue, change: Callable[[str], str]) -> JsonValue:
    match value:
        case str():
            return change(value)
        case list():
            return [_changed(item, change) for item in value]
        case dict():
            return {name: _changed(item, change) for name, item in value.items()}
        case _:
            return value
