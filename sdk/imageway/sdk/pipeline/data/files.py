"""Data files opened: local ones, compressed ones, standard input. What fails is a `SourceError` that names the file."""

import codecs
import gzip
import io
import sys
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, cast

from imageway.sdk.pipeline.data.row import SourceError

__all__ = ("as_text", "is_utf8", "open_bytes", "reading", "text_encoding")

STDIN = Path("-")


@contextmanager
def open_bytes(path: Path) -> Iterator[IO[bytes]]:
    """The bytes of *path*: of standard input for `-`, and unpacked where the name ends in `.gz`."""
    if path == STDIN:
        yield sys.stdin.buffer
        return
    with ExitStack() as stack:
        with reading(path):
            file: IO[bytes] = stack.enter_context(path.open("rb"))
        if path.suffix.lower() == ".gz":
            file = cast("IO[bytes]", stack.enter_context(gzip.GzipFile(fileobj=file)))  # it has what readers call
        yield file


@contextmanager
def as_text(file: IO[bytes], encoding: str, *, newline: str, errors: str = "strict") -> Iterator[io.TextIOWrapper]:
    """*file* as text; it stays open."""
    text = io.TextIOWrapper(file, encoding=encoding, errors=errors, newline=newline)
    try:
        yield text
    finally:
        text.detach()


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Failures to read *path* in this block become a `SourceError`."""
    try:
        yield
    except FileNotFoundError as error:
        raise SourceError(f"{path}: there is no such file") from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise SourceError(f"{path}: the compressed file is broken: {error}") from error
    except OSError as error:
        raise SourceError(f"{path}: can't be read: {error.strerror or type(error).__name__}") from error


def text_encoding(name: str, path: Path) -> str:
    """The codec for *name*, which passes over a byte order mark at the beginning of UTF-8. Raises `SourceError`."""
    try:
        found = codecs.lookup(name)
    except (LookupError, ValueError) as error:
        raise SourceError(f"{path}: there is no encoding '{name}'") from error
    try:
        "a".encode(found.name)
    except (LookupError, TypeError, ValueError) as error:
        raise SourceError(f"{path}: '{name}' is no encoding of text") from error
    return "utf-8-sig" if is_utf8(name) else found.name


def is_utf8(name: str) -> bool:
    return codecs.lookup(name).name in ("utf-8", "utf-8-sig")
