"""Multipart forms cut while they arrive: what is a file goes on as it came, piece by piece."""

from collections.abc import Iterator
from enum import Enum, auto
from typing import TypeAlias

from msgspec import Struct
from multipart import parse_options_header  # type: ignore[import-untyped]  # it carries no types

from imageway.contract.errors import ErrorCode, ImageError

__all__ = ("FormCutter", "FormEvent", "PartEnd", "PartStart")

_LONGEST_HEAD = 8_192
_MOST_PARTS = 256
_LONGEST_BOUNDARY = 256


class PartStart(Struct, frozen=True):
    """A part begins; `filename` is None for a text."""

    name: str
    filename: str | None
    charset: str


class PartEnd(Struct, frozen=True):
    """The part that began last is whole."""


FormEvent: TypeAlias = "PartStart | bytes | PartEnd"


class _State(Enum):
    PREAMBLE = auto()
    BOUNDARY = auto()
    HEAD = auto()
    BODY = auto()
    DONE = auto()


class FormCutter:
    """Cuts a form that comes in pieces of any size, as RFC 7578 has it. Raises `ImageError` for what is none.

    What isn't looked at is not copied: a piece that is all file is handed on as the object that it is.
    """

    def __init__(self, content_type: str) -> None:
        boundary = parse_options_header(content_type)[1].get("boundary", "")
        if not 1 <= len(boundary) <= _LONGEST_BOUNDARY or not boundary.isascii():
            raise _broken("its content type names no boundary")
        self._mark = b"\r\n--" + boundary.encode()
        self._state = _State.PREAMBLE
        self._rest = b"\r\n"  # the first boundary may be the very beginning
        self._parts = 0

    def feed(self, piece: bytes) -> Iterator[FormEvent]:
        data, at = (self._rest + piece, 0) if self._rest else (piece, 0)
        self._rest = b""
        while True:
            match self._state:
                case _State.PREAMBLE | _State.BODY:
                    found = data.find(self._mark, at)
                    end = self._certain_until(data, at) if found < 0 else found
                    if self._state is _State.BODY and end > at:
                        yield data[at:end]
                    if found < 0:
                        self._rest = data[end:]
                        return
                    if self._state is _State.BODY:
                        yield PartEnd()
                    self._state, at = _State.BOUNDARY, found + len(self._mark)
                case _State.BOUNDARY:
                    line = data.find(b"\r\n", at)
                    if data[at : at + 2] == b"--":
                        self._state = _State.DONE
                    elif line >= 0 and not data[at:line].strip(b" \t"):
                        self._state, at = _State.HEAD, line
                    elif line < 0 and len(data) - at <= _LONGEST_HEAD and not data[at:].strip(b" \t-\r"):
                        self._rest = data[at:]
                        return
                    else:
                        raise _broken("something stands behind a boundary")
                case _State.HEAD:
                    end = data.find(b"\r\n\r\n", at)
                    if (len(data) if end < 0 else end) - at > _LONGEST_HEAD:
                        raise _broken("the head of a part is too long")
                    if end < 0:
                        self._rest = data[at:]
                        return
                    yield self._start(data[at:end])
                    self._state, at = _State.BODY, end + 4
                case _State.DONE:
                    return

    def close(self) -> None:
        """Raises `ImageError` where the last boundary hasn't come."""
        if self._state is not _State.DONE:
            raise _broken("it ends before its last boundary")

    def _certain_until(self, data: bytes, at: int) -> int:
        """Where in *data* the boundary may have begun, without being there whole."""
        tail = max(at, len(data) - len(self._mark) + 1)
        start = data.find(b"\r", tail)
        while start >= 0:
            if self._mark.startswith(data[start:]):
                return start
            start = data.find(b"\r", start + 1)
        return len(data)

    def _start(self, head: bytes) -> PartStart:
        self._parts += 1
        if self._parts > _MOST_PARTS:
            raise _broken(f"it has more than {_MOST_PARTS} parts")
        headers: dict[str, str] = {}
        for line in head.decode("utf-8", "replace").split("\r\n"):
            name, colon, value = line.partition(":")
            if colon:
                headers[name.strip().lower()] = value.strip()
        kind, options = parse_options_header(headers.get("content-disposition", ""))
        name = options.get("name")
        if kind != "form-data" or name is None:
            raise _broken("a part has no name")
        charset = parse_options_header(headers.get("content-type", ""))[1].get("charset", "utf-8")
        return PartStart(name, options.get("filename"), charset)


def _broken(reason: str) -> ImageError:
    return ImageError(ErrorCode.INVALID_REQUEST, f"The form can't be read: {reason}.")
