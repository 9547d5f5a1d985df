"""A JSON list of records: read whole up to 64 MiB, so that its faults are found first; above that, record by record."""

import codecs
import json
from collections.abc import Generator
from typing import IO, NoReturn

from imageway.contract.request import JsonValue
from imageway.contract.wording import type_word
from imageway.sdk.pipeline.data.ambiguous import decoded_object, key_twice
from imageway.sdk.pipeline.data.files import STDIN, open_bytes, reading, text_encoding
from imageway.sdk.pipeline.data.kinds import DataFile
from imageway.sdk.pipeline.data.row import Found, SourceError

__all__ = ("read_json", "refuse_constant")

_WHOLE_BYTES = 64 * 1024**2
_MAX_RECORD_CHARS = 256 * 1024**2
_CHUNK_BYTES = 1024**2
_BLANK = " \t\n\r"


def read_json(data: DataFile, *, whole_bytes: int = _WHOLE_BYTES) -> tuple[Generator[Found], int | None]:
    """The records of *data*, a list of objects, and how many there are where the file was read whole.

    Raises `SourceError`: at once where the file is at most *whole_bytes* large, else while the records are read.
    """
    encoding = text_encoding(data)
    if data.url or data.path == STDIN or data.path.suffix.lower() == ".gz" or _size(data) > whole_bytes:
        return _streamed(data, encoding), None
    records = _whole(data, encoding)
    return (_found(record, data, position) for position, record in enumerate(records, start=1)), len(records)


def refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value")


def _found(value: JsonValue, data: DataFile, position: int) -> Found:
    place = f"{data.name}, record {position}"
    if not isinstance(value, dict):
        return Found(place=place, fault=f"a record must be an object, but it is {type_word(value)}")
    return Found(place=place, fields=value, fault=key_twice(value))


def _size(data: DataFile) -> int:
    with reading(data):
        return data.path.stat().st_size


def _whole(data: DataFile, encoding: str) -> list[JsonValue]:
    with reading(data):
        content = data.path.read_bytes()
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise SourceError(f"{data.name}: byte {error.start + 1} is not valid {data.encoding}") from error
    if not text.strip():
        raise SourceError(f"{data.name}: the file is empty; a list of records is needed")
    try:
        records = json.loads(text, parse_constant=refuse_constant, object_pairs_hook=decoded_object)
    except json.JSONDecodeError as error:
        raise SourceError(f"{data.name}:{error.lineno}:{error.colno}: this is not valid JSON: {error.msg}") from error
    except RecursionError as error:
        raise SourceError(f"{data.name}: the JSON is nested too deeply") from error
    except ValueError as error:
        raise SourceError(f"{data.name}: this is not valid JSON: {error}") from error
    if not isinstance(records, list):
        raise _no_list(data, type_word(records))
    if not records:
        raise SourceError(f"{data.name}: the list of records is empty")
    return records


def _streamed(data: DataFile, encoding: str) -> Generator[Found]:
    with open_bytes(data) as file:
        text = _Text(data, file, encoding)
        if text.after_blanks() == "":
            raise SourceError(f"{data.name}: the file is empty; a list of records is needed")
        if text.take() != "[":
            raise _no_list(data, "something else")
        if text.after_blanks() == "]":
            raise SourceError(f"{data.name}: the list of records is empty")
        position = 0
        while True:
            position += 1
            yield _found(text.value(), data, position)
            match text.after_blanks():
                case ",":
                    text.take()
                    text.after_blanks()
                case "]":
                    text.take()
                    break
                case _:
                    raise text.fault("Expecting ',' delimiter")
        if text.after_blanks():
            raise text.fault("Extra data")


class _Text:
    """A window on the file's text, which moves on as it is read; knows its line and column."""

    def __init__(self, data: DataFile, file: IO[bytes], encoding: str) -> None:
        self._data = data
        self._file = file
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._json = json.JSONDecoder(parse_constant=refuse_constant, object_pairs_hook=decoded_object)
        self._text = ""
        self._at = 0
        self._line, self._column = 1, 1
        self._ended = False

    def after_blanks(self) -> str:
        """Pass over blanks; the character behind them, empty at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in _BLANK:
                self._at += 1
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def take(self) -> str:
        self._at += 1
        return self._text[self._at - 1]

    def value(self) -> JsonValue:
        while True:
            try:
                value: JsonValue
                value, end = self._json.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                within = error.pos - self._at
                if self._more(double=True):
                    continue
                self._at += within
                raise self.fault(error.msg) from error
            except RecursionError as error:
                raise SourceError(f"{self._data.name}: the JSON is nested too deeply") from error
            except ValueError as error:
                raise self.fault(str(error)) from error
            # A number at the end of the window may go on behind it.
            if end < len(self._text) or not self._more():
                self._at = end
                return value

    def fault(self, sentence: str) -> SourceError:
        self._forget()
        return SourceError(f"{self._data.name}:{self._line}:{self._column}: this is not valid JSON: {sentence}")

    def _more(self, *, double: bool = False) -> bool:
        """Read on, as much again as there is with *double*; whether there was more."""
        if self._ended:
            return False
        self._forget()
        if len(self._text) > _MAX_RECORD_CHARS:
            raise self.fault(f"a record is larger than {_MAX_RECORD_CHARS // 1024**2} MiB, or doesn't end")
        size = max(_CHUNK_BYTES, len(self._text)) if double else _CHUNK_BYTES
        with reading(self._data):
            content = self._file.read(size)
        self._ended = not content
        try:
            self._text += self._decoder.decode(content, final=self._ended)
        except UnicodeError as error:
            raise SourceError(f"{self._data.name}: not valid {self._data.encoding}: {error}") from error
        return not self._ended

    def _forget(self) -> None:
        passed, self._text = self._text[: self._at], self._text[self._at :]
        self._at = 0
        lines = passed.count("\n")
        self._line += lines
        self._column = len(passed) - passed.rfind("\n") if lines else self._column + len(passed)


def _no_list(data: DataFile, kind: str) -> SourceError:
    return SourceError(f"{data.name}: the file must hold a list of records, but it holds {kind}")
