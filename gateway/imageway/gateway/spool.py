"""Room for what is on its way through: bytes in memory up to a bound, and in files without a name beyond it."""

import os
import tempfile
import weakref
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from msgspec import Struct

from imageway.contract.content import Content
from imageway.contract.errors import ErrorCode, ImageError

__all__ = ("Pocket", "Spool")

_STEP_BYTES = 1 << 20
"""What a body that doesn't tell its size asks for at a time."""

_READ_BYTES = 1 << 18
_RETRY_AFTER_S = 1.0

Place = Literal["memory", "disk"]


class Spool:
    """Hands out room for bodies and answers, *memory_bytes* and *disk_bytes* of it in all.

    Files lie in *folder*, by default where temporary ones do, and have no name there: nothing is left of them when the
    process ends, however it ends.
    """

    def __init__(self, *, memory_bytes: int, disk_bytes: int, folder: Path | None = None) -> None:
        self._left: dict[Place, int] = {"memory": memory_bytes, "disk": disk_bytes}
        self._most: dict[Place, int] = dict(self._left)
        self._folder = folder

    @property
    def used_memory_bytes(self) -> int:
        return self._most["memory"] - self._left["memory"]

    @property
    def used_disk_bytes(self) -> int:
        """Bytes that lie in files or are reserved there."""
        return self._most["disk"] - self._left["disk"]

    @property
    def largest_bytes(self) -> int:
        """The most that one body may have."""
        return max(self._most.values())

    def pocket(self, expected_bytes: int) -> "Pocket":
        """Room for *expected_bytes*, in memory where there is some, to be closed after use.

        Raises `ImageError` where there is none: `payload_too_large` where there never is, `rate_limited` otherwise.
        """
        if expected_bytes > self.largest_bytes:
            raise ImageError(ErrorCode.PAYLOAD_TOO_LARGE, "The body is larger than this gateway takes.")
        pocket = Pocket(self)
        if not pocket.reserve(expected_bytes):
            raise _full()
        return pocket

    def take(self, place: Place, count: int) -> bool:
        if count > self._left[place]:
            return False
        self._left[place] -= count
        return True

    def give_back(self, place: Place, count: int) -> None:
        self._left[place] += count

    def open_file(self) -> int:
        """A new file without a name. Raises `OSError`."""
        with tempfile.TemporaryFile(dir=self._folder) as file:
            return os.dup(file.fileno())


class _Held:
    """What a pocket has of its spool; apart from the pocket, so that it can be given back when that is gone."""

    def __init__(self, spool: Spool) -> None:
        self.spool = spool
        self.bytes: dict[Place, int] = {"memory": 0, "disk": 0}
        self.file: int | None = None
        self.pieces: list[bytes] = []

    def release(self) -> None:
        for place in self.bytes:
            self.spool.give_back(place, self.bytes[place])
            self.bytes[place] = 0
        self.pieces = []
        if self.file is not None:
            os.close(self.file)
            self.file = None


class Pocket:
    """One body's room, written from front to back. Whoever forgets to close it, or can't know when, loses nothing:
    it closes when nobody has it any more, nor any of its contents.
    """

    def __init__(self, spool: Spool) -> None:
        self._held = _Held(spool)
        self._left: dict[Place, int] = {"memory": 0, "disk": 0}
        self._starts: list[int] = []
        self._in_memory = 0
        self.size = 0
        self._finalizer = weakref.finalize(self, self._held.release)

    def reserve(self, count: int) -> bool:
        """Whether there is room for *count* bytes more, which is this pocket's then."""
        places: tuple[Place, ...] = ("disk",) if self._held.file is not None else ("memory", "disk")
        for place in places:
            if self._held.spool.take(place, count):
                self._held.bytes[place] += count
                self._left[place] += count
                return True
        return False

    def reserve_disk(self, count: int) -> bool:
        """Like `reserve`, and never in memory."""
        if not self._held.spool.take("disk", count):
            return False
        self._held.bytes["disk"] += count
        self._left["disk"] += count
        return True

    def write(self, chunk: bytes, *, whatever_it_takes: bool = False) -> None:
        """Append *chunk*. More than was reserved is taken from what is left; raises `ImageError` where that is nothing.

        With *whatever_it_takes* it goes to the disk then: for what is paid for already. Raises `OSError`.
        """
        count = len(chunk)
        if self._held.file is None and self._left["memory"] >= count:
            self._left["memory"] -= count
            self._held.pieces.append(chunk)
            self._starts.append(self.size)
            self._in_memory += count
        else:
            if self._left["disk"] < count and not self._more(count):
                if not whatever_it_takes:
                    raise _full()
                self._held.spool.give_back("disk", -count)
                self._held.bytes["disk"] += count
                self._left["disk"] += count
            if self._held.file is None and self._left["memory"] >= count:
                self.write(chunk)
                return
            self._to_file(chunk)
            self._left["disk"] -= count
        self.size += count

    def _more(self, count: int) -> bool:
        return self.reserve(max(count, _STEP_BYTES)) or self.reserve(count)

    def _to_file(self, chunk: bytes) -> None:
        if self._held.file is None:
            self._held.file = self._held.spool.open_file()
        view = memoryview(chunk)
        while view:
            view = view[os.write(self._held.file, view) :]

    def at(self, offset: int, count: int) -> bytes:
        """The *count* bytes from *offset* on, or as many as there are."""
        if offset < self._in_memory:
            position = bisect_right(self._starts, offset) - 1
            piece, start = self._held.pieces[position], offset - self._starts[position]
            found = piece[start : start + count]
            if len(found) == count or offset + len(found) >= self.size:
                return found
            return found + self.at(offset + len(found), count - len(found))
        if self._held.file is None:
            return b""
        return os.pread(self._held.file, max(0, min(count, self.size - offset)), offset - self._in_memory)

    def chunks(self, offset: int, size: int) -> Iterator[bytes | memoryview]:
        """The *size* bytes from *offset* on, in the pieces in which they lie."""
        end = offset + size
        position = max(0, bisect_right(self._starts, offset) - 1)
        while offset < min(end, self._in_memory):
            piece, start = self._held.pieces[position], self._starts[position]
            if start == offset and start + len(piece) <= end:
                yield piece
            else:
                yield memoryview(piece)[offset - start : end - start]
            offset, position = start + len(piece), position + 1
        while offset < end:
            chunk = self.at(offset, min(_READ_BYTES, end - offset))
            yield chunk
            offset += len(chunk)

    def content(self, offset: int = 0, size: int | None = None) -> Content:
        """A part of what was written, which stays as long as anybody has it or until this pocket is closed."""
        return _Part(self, offset, self.size - offset if size is None else size)

    def close(self) -> None:
        """Give everything back; no content of it may be read any more."""
        self._finalizer()


class _Part(Struct, frozen=True, eq=False):
    pocket: Pocket
    start: int
    size: int

    def at(self, offset: int, count: int) -> bytes:
        return self.pocket.at(self.start + offset, max(0, min(count, self.size - offset)))

    def chunks(self) -> Iterator[bytes | memoryview]:
        return self.pocket.chunks(self.start, self.size)


def _full() -> ImageError:
    return ImageError(
        ErrorCode.RATE_LIMITED,
        "This gateway has no room for another body of this size at the moment; nothing was sent. Try again.",
        upstream_type="server_error",
        upstream_code="server_is_overloaded",
        retry_after_s=_RETRY_AFTER_S,
    )
