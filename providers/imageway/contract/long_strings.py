"""JSON without its long strings: an answer's megabytes of base64 are stepped over, not parsed."""

from binascii import Error as NotBase64Error
from mmap import mmap

import msgspec
import pybase64
from msgspec import Raw

__all__ = ("Shortened", "is_utf8")

_LONGEST = 4096
_LOOKED_AT_BYTES = 1 << 17
"""A multiple of four, so that base64 is whole at each end."""

_TOKEN = b'"\\u0000imageway-long-string-%d\\u0000"'


class Shortened:
    """*body* with a short word in place of each string of more than *longest* bytes.

    `text` is to be parsed, `original` undoes a value of it. What a parser of `text` can't see is seen here: `sound`
    says that each long string is one of JSON, and that all is UTF-8. A long string that is none is null.

    With *looked_over* false long strings count as sound unseen: for whoever reads each of them to its end anyway.

    Whether the rest of *body* is JSON is for the parser to say. Outside of strings JSON has no quotes, so that whoever
    goes from one to the next knows where strings begin and end.
    """

    def __init__(self, body: bytes | mmap, *, longest: int = _LONGEST, looked_over: bool = True) -> None:
        self._long: dict[bytes, Raw] = {}
        self._taken: set[bytes] = set()
        self._looked_over = looked_over
        self.sound = True
        self.text = bytes(body) if len(body) <= longest else self._shortened(body, longest)
        self.sound = self.sound and is_utf8(self.text)

    def _shortened(self, body: bytes | mmap, longest: int) -> bytes:
        view = memoryview(body)
        kept: list[bytes | memoryview] = []
        copied = at = 0
        while (start := body.find(b'"', at)) >= 0:
            end = _string_end(body, start + 1)
            if end < 0:
                break
            at = end + 1
            if at - start > longest:
                token = _TOKEN % len(self._long)
                sound = not self._looked_over or _is_string(view[start:at])
                self._long[token] = Raw(view[start:at]) if sound else Raw(b"null")
                self.sound = self.sound and sound
                kept += (view[copied:start], token)
                copied = at
        kept.append(view[copied:])
        return b"".join(kept)

    def original(self, raw: Raw) -> Raw:
        """*raw*, a whole value of `text`, as it is in the body."""
        if not self._long:
            return raw
        short = bytes(raw) if len(raw) < _LONGEST else b""
        found = self._long.get(short)
        if found is None:
            return raw
        self._taken.add(short)
        return found

    @property
    def all_taken(self) -> bool:
        """Whether each long string was asked for; another may stand within a value that looks harmless."""
        return len(self._taken) == len(self._long)


def _is_string(literal: memoryview) -> bool:
    """Whether *literal* is a string of JSON from quote to quote. Base64, which is, is seen at a glance."""
    try:
        for at in range(1, len(literal) - 1, _LOOKED_AT_BYTES):
            pybase64.b64decode(literal[at : min(at + _LOOKED_AT_BYTES, len(literal) - 1)], validate=True)
    except (NotBase64Error, ValueError):
        try:
            msgspec.json.decode(literal, type=str)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return False
    return True


def is_utf8(text: bytes) -> bool:
    try:
        return text.isascii() or bool(text.decode())
    except UnicodeDecodeError:
        return False


def _string_end(body: bytes | mmap, at: int) -> int:
    """The place of the quote that ends the string whose content begins at *at*; -1 where there is none."""
    while (end := body.find(b'"', at)) >= 0:
        before = end
        while before > at and body[before - 1] in b"\\":
            before -= 1
        if (end - before) % 2 == 0:
            return end
        at = end + 1
    return -1
