"""Room for what is on its way through: bytes in memory up to a bound, and in files without a name beyond it."""

import os
import tempfile
import weakref
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Literal

from msgspec import Struct

from imageway.contract.content import BytesContent, Content
from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.request import ImageRequest

__all__ = ("AnswerStore", "Place", "Pocket", "Spool", "endless", "let_go", "unwritable")

_STEP_BYTES = 1 << 20
"""What a body that doesn't tell its size asks for at a time."""

_READ_BYTES = 1 << 18
_SMALL_BYTES = 1 << 16
"""What isn't worth counting on its way out."""

_RETRY_AFTER_S = 1.0
_DISK_RETRY_AFTER_S = 10.0

Place = Literal["memory", "disk"]


class Spool:
    """Hands out room for bodies and answers, *memory_bytes* and *disk_bytes* of it in all.

    Files lie in *folder*, by default where temporary ones do, and have no name there: nothing is left of them when the
    process ends, however it ends. *failing* hears of the first fault of a disk, and again when it has worked meanwhile.
    `refused` counts what found no room, `failed` what couldn't be written.
    """

    def __init__(
        self,
        *,
        memory_bytes: int,
        disk_bytes: int,
        folder: Path | None = None,
        failing: Callable[[OSError], None] = lambda _: None,
    ) -> None:
        self.refused = 0
        self.failed = 0
        self._works = True
        self._failing = failing
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

    def limit_bytes(self, place: Place) -> int:
        return self._most[place]

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
        pocket = Pocket(self, roams=expected_bytes == 0)
        if not pocket.reserve(expected_bytes):
            raise self.full()
        return pocket

    def answer(self, expected_bytes: int) -> "Pocket":
        """Room for an answer that is about to be paid for; on the disk, and in memory if there is some when it comes.

        Raises `ImageError` (rate_limited) where there is none, or the disk itself has less than it is counted for.
        """
        pocket = Pocket(self, roams=True)
        places: tuple[Place, ...] = ("disk", "memory") if self._free_bytes() >= expected_bytes else ("memory",)
        if not pocket.reserve(expected_bytes, places):
            raise self.full()
        return pocket

    def passing(self, content: bytes) -> Content:
        """*content*, which is paid for and on its way out: in memory where there is room, and else on the disk.

        Its room is given back when nobody has it any more.
        """
        if len(content) <= _SMALL_BYTES:
            return BytesContent(content)
        pocket = Pocket(self, roams=True)
        try:
            pocket.write(content, whatever_it_takes=True)
        except OSError:
            pocket.close()
            return BytesContent(content)
        pocket.done()
        return pocket.content()

    def take(self, place: Place, count: int) -> bool:
        if count > self._left[place]:
            return False
        self._left[place] -= count
        return True

    def give_back(self, place: Place, count: int) -> None:
        self._left[place] += count

    def full(self) -> ImageError:
        """What to tell of a body that finds no room, which is counted."""
        self.refused += 1
        return ImageError(
            ErrorCode.RATE_LIMITED,
            "This gateway has no room for another body of this size at the moment; nothing was sent. Try again.",
            upstream_type="server_error",
            upstream_code="server_is_overloaded",
            retry_after_s=_RETRY_AFTER_S,
        )

    def _free_bytes(self) -> int:
        try:
            disk = os.statvfs(self._folder or tempfile.gettempdir())
        except OSError:
            return 0
        return disk.f_bavail * disk.f_frsize

    @contextmanager
    def writing(self) -> Iterator[None]:
        """The time of a write to a file; whether it failed is noted."""
        try:
            yield
        except OSError as error:
            self.failed += 1
            if self._works:
                self._works = False
                self._failing(error)
            raise
        self._works = True

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

    def take(self, place: Place, count: int) -> bool:
        taken = self.spool.take(place, count)
        if taken:
            self.bytes[place] += count
        return taken

    def keep(self, place: Place, count: int) -> None:
        """Give back what is over *count*, or take what is missing though there may be none."""
        surplus = self.bytes[place] - count
        if surplus:
            self.spool.give_back(place, surplus)
            self.bytes[place] = count

    def release(self) -> None:
        self.keep("memory", 0)
        self.keep("disk", 0)
        self.pieces = []
        file, self.file = self.file, None
        if file is not None:
            os.close(file)


class Pocket:
    """One body's room, written from front to back: in memory, or as a whole in a file once there is too little of that.

    One that *roams* takes what memory there is when it is written, whatever was reserved.
    Whoever forgets to close it, or can't know when, loses nothing: it closes when nobody has it any more, nor any of
    its contents.
    """

    def __init__(self, spool: Spool, *, roams: bool) -> None:
        self._held = _Held(spool)
        self._roams = roams
        self._starts: list[int] = []
        self.size = 0
        self._finalizer = weakref.finalize(self, self._held.release)

    def reserve(self, count: int, places: tuple[Place, ...] = ("memory", "disk")) -> bool:
        """Whether one of *places* has room for *count* bytes more, which is this pocket's then."""
        return any(self._held.take(place, count) for place in places)

    def write(self, chunk: bytes, *, whatever_it_takes: bool = False) -> None:
        """Append *chunk*. More than was reserved is taken from what is left; raises `ImageError` where that is nothing.

        With *whatever_it_takes* it goes to the disk then: for what is paid for already. Raises `OSError`.
        """
        held, size = self._held, self.size + len(chunk)
        if held.file is None and (held.bytes["memory"] >= size or (self._roams and self._has("memory", size))):
            held.pieces.append(chunk)
            self._starts.append(self.size)
        else:
            if not self._has("disk", size):
                if not whatever_it_takes:
                    raise held.spool.full()
                held.keep("disk", size)
            with held.spool.writing():
                if held.file is None:
                    held.file = held.spool.open_file()
                    for piece in held.pieces:
                        _write(held.file, piece)
                    held.pieces, self._starts = [], []
                    held.keep("memory", 0)
                _write(held.file, chunk)
        self.size = size

    def _has(self, place: Place, count: int) -> bool:
        missing = count - self._held.bytes[place]
        return missing <= 0 or self._held.take(place, max(missing, _STEP_BYTES)) or self._held.take(place, missing)

    def done(self) -> None:
        """Give back what was reserved and isn't needed: nothing more will be written."""
        in_file = self._held.file is not None
        self._held.keep("memory", 0 if in_file else self.size)
        self._held.keep("disk", self.size if in_file else 0)

    def at(self, offset: int, count: int) -> bytes:
        """The *count* bytes from *offset* on, or as many as there are."""
        count = max(0, min(count, self.size - offset))
        if self._held.file is not None:
            return os.pread(self._held.file, count, offset)
        position = bisect_right(self._starts, offset) - 1
        found = b""
        while len(found) < count:
            start = offset + len(found) - self._starts[position]
            found += self._held.pieces[position][start : start + count - len(found)]
            position += 1
        return found

    def chunks(self, offset: int, size: int) -> Iterator[bytes | memoryview]:
        """The *size* bytes from *offset* on, in the pieces in which they lie."""
        end = offset + size
        if self._held.file is not None:
            for at in range(offset, end, _READ_BYTES):
                yield self.at(at, min(_READ_BYTES, end - at))
            return
        position = bisect_right(self._starts, offset) - 1
        while offset < end:
            piece, start = self._held.pieces[position], self._starts[position]
            whole = start == offset and start + len(piece) <= end
            yield piece if whole else memoryview(piece)[offset - start : end - start]
            offset, position = start + len(piece), position + 1

    def content(self, offset: int = 0, size: int | None = None) -> Content:
        """A part of what was written, which stays as long as anybody has it or until this pocket is closed."""
        return _Part(self, offset, self.size - offset if size is None else size)

    def in_one_piece(self) -> bytes | mmap:
        """All that was written. What lies in a file is mapped, and read where it is looked at."""
        held = self._held
        if held.file is not None:
            return mmap(held.file, self.size, access=ACCESS_READ)
        if len(held.pieces) != 1:
            held.pieces, self._starts = [b"".join(held.pieces)], [0]
        return held.pieces[0]

    def close(self) -> None:
        """Give everything back; no content of it may be read any more."""
        self._finalizer()


def _write(file: int, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        view = view[os.write(file, view) :]


class AnswerStore:
    """A pocket for one attempt's answer of up to *max_bytes*, which keeps its room until the answer is there."""

    def __init__(self, pocket: Pocket, max_bytes: int) -> None:
        self._pocket = pocket
        self._max_bytes = max_bytes

    def write(self, chunk: bytes) -> None:
        if self._pocket.size + len(chunk) > self._max_bytes:
            raise endless(self._max_bytes)
        try:
            self._pocket.write(chunk, whatever_it_takes=True)
        except OSError as error:
            raise ImageError(
                ErrorCode.INTERNAL,
                f"The picture was drawn, but the gateway's spool can't be written ({type(error).__name__}).",
                may_have_billed=True,
            ) from error

    def finished(self) -> tuple[bytes | mmap, Content]:
        self._pocket.done()
        body = self._pocket.in_one_piece()
        return body, self._pocket.content()

    def close(self) -> None:
        """Give the room back; what was in it may not be read any more."""
        self._pocket.close()


class _Part(Struct, frozen=True, eq=False):
    pocket: Pocket
    start: int
    size: int

    def at(self, offset: int, count: int) -> bytes:
        return self.pocket.at(self.start + offset, max(0, min(count, self.size - offset)))

    def chunks(self) -> Iterator[bytes | memoryview]:
        return self.pocket.chunks(self.start, self.size)


def let_go(request: ImageRequest) -> None:
    """Close the pockets that the files of *request* lie in, which nobody reads any more.

    The error of a failed call would hold them, for its traceback refers to itself, until Python looks for such
    circles. Meanwhile others would find no room.
    """
    for file in (*request.images, request.mask, request.markup):
        if file is not None and isinstance(file.source, _Part):
            file.source.pocket.close()


def endless(max_bytes: int) -> ImageError:
    """What to tell of a vendor whose answer has more than *max_bytes*."""
    return ImageError(
        ErrorCode.UPSTREAM_UNAVAILABLE,
        f"The upstream's answer was broken off: it has more than the {max_bytes} bytes that this gateway takes of one.",
        may_have_billed=True,
    )


def unwritable(error: OSError) -> ImageError:
    """*error* of a body's `Pocket.write`: the disk is full or broken, which may pass."""
    return ImageError(
        ErrorCode.UPSTREAM_UNAVAILABLE,
        f"The gateway can't put the body on its disk ({error.strerror or type(error).__name__}); nothing was sent.",
        retry_after_s=_DISK_RETRY_AFTER_S,
    )
