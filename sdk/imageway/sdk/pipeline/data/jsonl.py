"""JSON Lines: a record a line. A line that is none is told by its number, and the next one is read."""

import json
from collections.abc import Generator, Iterator
from typing import IO, AnyStr

from imageway.contract.wording import type_word
from imageway.sdk.pipeline.data.ambiguous import decoded_object, key_twice
from imageway.sdk.pipeline.data.files import as_text, is_utf8, open_bytes, reading, text_encoding
from imageway.sdk.pipeline.data.json_text import refuse_constant
from imageway.sdk.pipeline.data.kinds import DataFile
from imageway.sdk.pipeline.data.row import Found, SourceError

__all__ = ("MAX_LINE_BYTES", "json_record", "read_jsonl")

MAX_LINE_BYTES = 256 * 1024**2
_BOM = b"\xef\xbb\xbf"


def read_jsonl(data: DataFile) -> Generator[Found]:
    """The records of *data*, blank lines passed over. Raises `SourceError` where lines can't be told apart any more."""
    encoding = text_encoding(data)
    with open_bytes(data) as file:
        lines: Iterator[bytes | str] = _lines(data, file, encoding)
        for number, line in enumerate(lines, start=1):
            place = f"{data.name}:{number}"
            try:
                text = line if isinstance(line, str) else line.decode(data.encoding)
            except UnicodeDecodeError as error:
                message = f"byte {error.start + 1} of the line is not valid {data.encoding}"
                yield Found(place=place, fault=message)
                continue
            if text.strip():
                yield json_record(text, place)


def json_record(text: str, place: str) -> Found:
    """The record that *text* is, or why it is none."""
    try:
        value = json.loads(text, parse_constant=refuse_constant, object_pairs_hook=decoded_object)
    except json.JSONDecodeError as error:
        return Found(place=place, fault=f"not valid JSON: {error.msg} (column {error.pos + 1})")
    except RecursionError:
        return Found(place=place, fault="the JSON is nested too deeply")
    except ValueError as error:
        return Found(place=place, fault=f"not valid JSON: {error}")
    if not isinstance(value, dict):
        return Found(place=place, fault=f"a record must be an object, but it is {type_word(value)}")
    return Found(place=place, fields=value, fault=key_twice(value))


def _lines(data: DataFile, file: IO[bytes], encoding: str) -> Iterator[bytes | str]:
    """Lines as bytes, so that a bad byte spoils its line alone; as text where a line's end is more than a byte."""
    if "\n".encode(data.encoding)[-1:] != b"\n":
        with as_text(file, encoding, newline="\n") as text:
            while line := _line(data, text):
                yield line
        return
    first = _line(data, file)
    yield first.removeprefix(_BOM) if is_utf8(data.encoding) else first
    while content := _line(data, file):
        yield content


def _line(data: DataFile, file: IO[AnyStr]) -> AnyStr:
    with reading(data):
        try:
            line = file.readline(MAX_LINE_BYTES + 1)
        except UnicodeError as error:
            raise SourceError(f"{data.name}: not valid {data.encoding}: {error}") from error
    if len(line) > MAX_LINE_BYTES:
        raise SourceError(f"{data.name}: a line is longer than {MAX_LINE_BYTES // 1024**2} MiB")
    return line
