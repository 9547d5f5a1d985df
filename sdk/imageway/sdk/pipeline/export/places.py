"""Files to be written, wherever they lie: on the local disk whole or not at all, elsewhere through fsspec."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

from imageway.sdk.pipeline.files.sink import atomic_file
from imageway.sdk.pipeline.output.tables import MissingLibraryError

__all__ = ("joined", "local_path", "open_target", "present")

_LOCAL = "file://"


def local_path(target: str) -> Path | None:
    """The path that *target* is, or that a `file://` URL names; None for other URLs, such as `s3://bucket/key`."""
    if target.startswith(_LOCAL):
        return Path(target.removeprefix(_LOCAL))
    return None if "://" in target else Path(target)


def joined(folder: str, name: str) -> str:
    return f"{folder.rstrip('/')}/{name}"


@contextmanager
def open_target(target: str) -> Iterator[BinaryIO]:
    """The file *target* to be written. Raises `MissingLibraryError` for a URL without the extra, and `OSError`."""
    path = local_path(target)
    if path is not None:
        with atomic_file(path) as file:
            yield file
        return
    system, name = _place(target)
    with system.open(name, "wb") as file:
        yield file


def present(targets: Sequence[str]) -> list[str]:
    """Which of *targets*, in one folder elsewhere, are there already; raises as `open_target` does."""
    if len(targets) == 1:
        system, name = _place(targets[0])
        try:
            system.info(name)
        except FileNotFoundError:
            return []
        return [*targets]
    system, folder = _place(targets[0].rpartition("/")[0])
    try:
        names = {str(name).rpartition("/")[2] for name in system.ls(folder, detail=False)}
    except FileNotFoundError:
        return []
    return [target for target in targets if target.rpartition("/")[2] in names]


def _place(target: str) -> tuple[Any, str]:
    """The file system that *target* is in, and what it is called there."""
    try:
        core = import_module("fsspec.core")
    except ImportError as error:
        sentence = f"{target} is written through fsspec: pip install 'imageway[remote]' ({error})"
        raise MissingLibraryError(sentence) from error
    try:
        system, name = core.url_to_fs(target)
    except ImportError as error:
        raise MissingLibraryError(f"{target} needs a library that isn't installed: {error}") from error
    except ValueError as error:
        raise OSError(f"{target} can't be written: {error}") from error
    return system, str(name)
