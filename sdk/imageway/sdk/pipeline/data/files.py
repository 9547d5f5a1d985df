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

from imageway.sdk.pipeline.data.kinds import DataFile
from imageway.sdk.pipeline.data.remote import open_url
from imageway.sdk.pipeline.data.row import SourceError

__all__ = ("STDIN", "as_text", "is_utf8", "open_bytes", "reading", "text_encoding")

STDIN = Path("-")


@contextmanager
def open_bytes(data: DataFile) -> Iterator[IO[bytes]]:
    """The bytes of *data*: of standard input for `-`, and unpacked where the name ends in `.gz`."""
    if data.path == STDIN:
        yield sys.stdin.buffer
        return
    with ExitStack() as stack:
        file: IO[bytes]
        if data.url is not None:
            file = stack.enter_context(open_url(data.url))
        else:
            with reading(data):
                file = stack.enter_context(data.path.open("rb"))
        if data.path.suffix.lower() == ".gz":
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
def reading(data: DataFile) -> Iterator[None]:
    """Failures to read *data* in this block become a `SourceError`."""
    try:
        yield
    except FileNotFoundError as error:
        raise SourceError(f"{data.name}: there is no such file") from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise SourceError(f"{data.name}: the compressed file is broken: {error}") from error
    except OSError as error:
        raise SourceError(f"{data.name}: can't be read: {error.strerror or type(error).__name__}") from error


def text_encoding(data: DataFile) -> str:
    """The codec of *data*, which passes over a byte order mark at the beginning of UTF-8. Raises `SourceError`."""
    name = data.encoding
    try:
        found = codecs.lookup(name)
    except (LookupError, ValueError) as error:
        raise SourceError(f"{data.name}: there is no encoding '{name}'") from error
    try:
        "a".encode(found.name)
    except (LookupError, TypeError, ValueError) as error:
        raise SourceError(f"{data.name}: '{name}' is no encoding of text") from error
    return "utf-8-sig" if is_utf8(name) else found.name


def is_utf8(name: str) -> bool:
    return codecs.lookup(name).name in ("utf-8", "utf-8-sig")
