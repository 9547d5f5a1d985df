"""A task's records: read from their file, and told apart by their ids."""

import json
from collections.abc import Mapping, Sequence
from typing import NoReturn

from msgspec import Struct

from imageway.contract.request import JsonValue
from imageway.contract.wording import type_word
from imageway.sdk.pipeline.plan import DataFile

__all__ = ("RecordId", "SourceError", "read_records", "record_ids")

_MAX_BYTES = 1024**3

Record = dict[str, JsonValue]


class SourceError(Exception):
    """The data file can't be used; the sentence names it and, where JSON is broken, `file:line:column`."""


class RecordId(Struct, frozen=True, kw_only=True):
    """A record's id as text; `fault` is a sentence where the record can't be run under it."""

    text: str
    fault: str | None = None


def read_records(data: DataFile) -> list[Record]:
    """The records of a JSON file: a list of objects, at least one, at most 1 GiB. Raises `SourceError`."""
    text = _text(data)
    if not text.strip():
        raise SourceError(f"{data.path}: the file is empty; a list of records is needed")
    try:
        records = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise SourceError(f"{data.path}:{error.lineno}:{error.colno}: this is not valid JSON: {error.msg}") from error
    except RecursionError as error:
        raise SourceError(f"{data.path}: the JSON is nested too deeply") from error
    except ValueError as error:
        raise SourceError(f"{data.path}: this is not valid JSON: {error}") from error
    if not isinstance(records, list):
        raise SourceError(f"{data.path}: the file must hold a list of records, but it holds {type_word(records)}")
    if not records:
        raise SourceError(f"{data.path}: the list of records is empty")
    for position, record in enumerate(records, start=1):
        if not isinstance(record, dict):
            raise SourceError(f"{data.path}: record {position} must be an object, but it is {type_word(record)}")
    return records


def record_ids(records: Sequence[Mapping[str, JsonValue]], id_column: str | None) -> list[RecordId]:
    """The id of each record: of *id_column*, else of the column `id`, else `record_` and the position from 1.

    An id is text or a whole number. Where two are equal as text, the later one is at fault.
    """
    taken: dict[str, int] = {}
    ids: list[RecordId] = []
    for position, record in enumerate(records, start=1):
        found = _record_id(record, id_column, position)
        if found.fault is None:
            first = taken.setdefault(found.text, position)
            if first != position:
                found = RecordId(text=found.text, fault=f"id '{found.text}' is already used by record {first}")
        ids.append(found)
    return ids


def _record_id(record: Mapping[str, JsonValue], id_column: str | None, position: int) -> RecordId:
    fallback = f"record_{position}"
    column = id_column or "id"
    match record.get(column):
        case None if id_column is None:
            return RecordId(text=fallback)
        case None:
            return RecordId(text=fallback, fault=f"there is no '{column}' in this record, which is its id")
        case bool() | float() | list() | dict() as value:
            return RecordId(
                text=fallback,
                fault=f"'{column}' must be text or a whole number to be an id, but it is {type_word(value)}",
            )
        case value if not str(value).strip():
            return RecordId(text=fallback, fault=f"'{column}' is empty; an id is needed")
        case value:
            return RecordId(text=str(value))


def _text(data: DataFile) -> str:
    encoding = "utf-8-sig" if data.encoding.lower().replace("_", "-") in ("utf-8", "utf8") else data.encoding
    try:
        if data.path.stat().st_size > _MAX_BYTES:
            raise SourceError(f"{data.path}: the file is larger than {_MAX_BYTES // 1024**2} MiB")
        return data.path.read_bytes().decode(encoding)
    except FileNotFoundError as error:
        raise SourceError(f"{data.path}: there is no such file") from error
    except OSError as error:
        raise SourceError(f"{data.path}: can't be read: {error.strerror or type(error).__name__}") from error
    except LookupError as error:
        raise SourceError(f"{data.path}: there is no encoding '{data.encoding}'") from error
    except UnicodeDecodeError as error:
        raise SourceError(f"{data.path}: byte {error.start + 1} is not valid {data.encoding}") from error
    except ValueError as error:
        raise SourceError(f"{data.path}: can't be read as {data.encoding!r}") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value")
