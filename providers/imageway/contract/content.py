"""Bytes of a picture wherever they lie: in one piece, in the pieces in which they came, or in a file."""

from collections.abc import Iterator
from mmap import mmap
from typing import Protocol, runtime_checkable

from msgspec import Struct

__all__ = ("BytesContent", "Content", "Store", "whole")


@runtime_checkable
class Content(Protocol):
    """Bytes that don't change. Reading may block for as long as a disk needs."""

    @property
    def size(self) -> int:
        """How many bytes there are."""
        ...

    def at(self, offset: int, count: int) -> bytes:
        """The *count* bytes from *offset* on, or as many as there are."""
        ...

    def chunks(self) -> Iterator[bytes | memoryview]:
        """All of it in order, in pieces of up to a megabyte or so."""
        ...


class Store(Protocol):
    """A place for one answer, made before it is paid for."""

    def write(self, chunk: bytes) -> None:
        """Append *chunk*."""
        ...

    def finished(self) -> tuple[bytes | mmap, Content]:
        """All that was written, as bytes to look at and as content to pass on; they are the same."""
        ...


class BytesContent(Struct, frozen=True):
    """A content that is in memory in one piece."""

    content: bytes

    @property
    def size(self) -> int:
        return len(self.content)

    def at(self, offset: int, count: int) -> bytes:
        return self.content[offset : offset + count]

    def chunks(self) -> Iterator[bytes | memoryview]:
        view = memoryview(self.content)
        for at in range(0, len(view), _CHUNK_BYTES):
            yield view[at : at + _CHUNK_BYTES]


def whole(content: Content) -> bytes:
    """*content* as bytes, in memory for as long as the caller keeps them."""
    return content.content if isinstance(content, BytesContent) else b"".join(content.chunks())


_CHUNK_BYTES = 1 << 18
