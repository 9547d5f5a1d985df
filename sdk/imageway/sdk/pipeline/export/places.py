"""Files to be written, wherever they lie: on the local disk whole or not at all, elsewhere through fsspec."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import BinaryIO

from imageway.sdk.pipeline.files.sink import atomic_file
from imageway.sdk.pipeline.output.tables import MissingLibraryError

__all__ = ("is_remote", "joined", "open_target")


def is_remote(target: str) -> bool:
    """Whether *target* is a URL such as `s3://bucket/key`, and no path."""
    return "://" in target


def joined(folder: str, name: str) -> str:
    return f"{folder.rstrip('/')}/{name}"


@contextmanager
def open_target(target: str) -> Iterator[BinaryIO]:
    """The file *target* to be written. Raises `MissingLibraryError` for a URL without the extra, and `OSError`."""
    if not is_remote(target):
        with atomic_file(Path(target)) as file:
            yield file
        return
    try:
        fsspec = import_module("fsspec")
    except ImportError as error:
        sentence = f"{target} is written through fsspec: pip install 'imageway[remote]' ({error})"
        raise MissingLibraryError(sentence) from error
    try:
        opened = (
            fsspec.open(target, "wb", auto_mkdir=True) if target.startswith("file://") else fsspec.open(target, "wb")
        )
    except ImportError as error:
        raise MissingLibraryError(f"{target} needs a library that isn't installed: {error}") from error
    except ValueError as error:
        raise OSError(f"{target} can't be written: {error}") from error
    with opened as file:
        yield file
