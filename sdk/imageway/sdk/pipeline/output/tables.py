"""Rows as a table: columns in the order in which they are met, and cells that hold what columns can."""

import csv
import io
import json
from collections.abc import Iterable
from importlib import import_module
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from imageway.contract.request import JsonValue
from imageway.sdk.pipeline.files.json_text import json_bytes

__all__ = (
    "MissingLibraryError",
    "arrow_type",
    "cell",
    "column_kinds",
    "has_one_type",
    "kind_of",
    "parquet_writer",
    "require_library",
    "write_csv",
    "write_parquet",
)

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
"""What spreadsheets take for the beginning of a formula, also in full width."""

_BATCH = 500
_INTEGERS = range(-(2**63), 2**63)

Row = dict[str, JsonValue]


class MissingLibraryError(Exception):
    """A library that isn't installed is needed; the sentence names the extra."""


def write_csv(file: BinaryIO, rows: Iterable[Row], columns: Iterable[str]) -> None:
    """CSV in UTF-8 with a header. Lists and objects are JSON; what a spreadsheet would run as a formula gets a `'`."""
    names = [*columns]
    text = io.TextIOWrapper(file, encoding="utf-8", errors="backslashreplace", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow([_harmless(name) for name in names])
    for row in rows:
        writer.writerow([_csv_cell(row.get(name)) for name in names])
    text.detach()


def write_parquet(file: BinaryIO, rows: Iterable[Row], kinds: dict[str, set[str]]) -> None:
    """Parquet, some hundred rows at a time; a column's type is that of all its values. See `column_kinds`.

    Raises `MissingLibraryError`.
    """
    pa, _ = arrow()
    schema = pa.schema([(name, arrow_type(found)) for name, found in kinds.items()])
    left = iter(rows)
    with parquet_writer(file, schema) as writer:
        while batch := [*islice(left, _BATCH)]:
            columns = [[cell(row.get(name), kinds[name]) for row in batch] for name in kinds]
            arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
            writer.write_batch(pa.record_batch(arrays, schema=schema))


def parquet_writer(file: BinaryIO, schema: Any) -> Any:  # noqa: ANN401  # pyarrow has no types
    """A writer, to be used in a `with` block. Raises `MissingLibraryError`."""
    _, pq = arrow()
    return pq.ParquetWriter(file, schema, compression="zstd")


def column_kinds(rows: Iterable[Row]) -> dict[str, set[str]]:
    """The columns, and the kinds of their values that aren't null: bool, int, float, str, list (of texts), json."""
    kinds: dict[str, set[str]] = {}
    for row in rows:
        for name, value in row.items():
            found = kinds.setdefault(name, set())
            if value is not None:
                found.add(kind_of(value))
    return kinds


def arrow_type(kinds: set[str]) -> Any:  # noqa: ANN401  # pyarrow has no types
    """The type for a column; where its values have no type in common, they are text, and objects are JSON."""
    pa, _ = arrow()
    match sorted(kinds):
        case ["bool"]:
            return pa.bool_()
        case ["int"]:
            return pa.int64()
        case ["float"] | ["float", "int"]:
            return pa.float64()
        case ["list"] | ["list", "str"]:
            return pa.list_(pa.string())
        case _:
            return pa.string()


def has_one_type(kinds: set[str]) -> bool:
    """Whether values of these *kinds* can stand in one column as they are."""
    return len(kinds) <= 1 or kinds == {"int", "float"}


def cell(value: JsonValue, kinds: set[str]) -> JsonValue:
    """*value* for a column of these *kinds*."""
    match sorted(kinds):
        case ["bool"] | ["int"] | ["list"] | ["str"]:
            return _clean(value)
        case ["float"] | ["float", "int"]:
            return None if value is None else float(value)  # type: ignore[arg-type]  # a number, as the kinds say
        case ["list", "str"]:
            return [_clean(value)] if isinstance(value, str) else _clean(value)
        case _:
            return value if value is None else _clean(value) if isinstance(value, str) else _json(value)


def kind_of(value: JsonValue) -> str:
    """bool, int, float, str, list (of texts), or json for all else."""
    match value:
        case bool():
            return "bool"
        case int():
            return "int" if value in _INTEGERS else "json"
        case float():
            return "float"
        case str():
            return "str"
        case list() if all(isinstance(item, str) for item in value):
            return "list"
        case _:
            return "json"


def _clean(value: JsonValue) -> JsonValue:
    """Halves of surrogate pairs are no text for a file."""
    match value:
        case str():
            return value.encode(errors="backslashreplace").decode()
        case list():
            return [_clean(item) for item in value]
        case _:
            return value


def _csv_cell(value: JsonValue) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str():
            return _harmless(value)
        case list() | dict():
            return _json(value)
        case _:
            return json.dumps(value)


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _json(value: JsonValue) -> str:
    return json_bytes(value).decode()


def arrow() -> tuple[Any, Any]:
    """`pyarrow` and `pyarrow.parquet`. Raises `MissingLibraryError`."""
    try:
        return import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError as error:
        sentence = f"Parquet is written with pyarrow: pip install 'imageway[parquet]' ({error})"
        raise MissingLibraryError(sentence) from error


def require_library(path: Path) -> None:
    """Raise `MissingLibraryError` where a file of that ending can't be written here. Imports nothing heavy."""
    if path.suffix.lower() == ".parquet" and find_spec("pyarrow") is None:
        arrow()
