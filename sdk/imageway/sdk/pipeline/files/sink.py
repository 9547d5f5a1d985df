"""Files that are there whole or not at all: pictures, and what is written of a run's outcomes."""

import os
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, TypeVar

from imageway.contract.request import JsonValue
from imageway.contract.sniff import sniff
from imageway.sdk.pipeline.files.json_text import json_bytes
from imageway.sdk.pipeline.files.provenance import KeptPicture, has_c2pa

__all__ = (
    "ERRORS",
    "TEMPORARY",
    "atomic_file",
    "own_place",
    "picture_folder",
    "save_picture",
    "sync_folder",
    "write_errors",
)

ERRORS = "errors.jsonl"
"""Where failures are written to, in the output folder."""

_OWN = (".imageway", "multimodal_output", ERRORS)

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)

_TURN = threading.Lock()
"""Linux has threads that change one folder wait for each other with their processors running."""

T = TypeVar("T")

TEMPORARY = r"\.[0-9a-f]{16}\.tmp"
"""What a file is called that isn't whole yet."""


def picture_folder(output: Path) -> Path:
    """Where the pictures of a run into *output* go; absolute."""
    return output.absolute() / "multimodal_output" / "image"


def own_place(output: Path, path: Path) -> str | None:
    """Which of the places in *output* that are for a run's own files *path* is, or is in; None for any other."""
    resolved = path.resolve()
    return next((name for name in _OWN if resolved.is_relative_to((output / name).resolve())), None)


def save_picture(
    stem: Path, index: int, content: bytes, *, spare: Path | None = None, revised_prompt: str | None = None
) -> KeptPicture:
    """Write a picture as `{stem}_{index}.{ext}`, its bytes as they came; the ending is that of its real format.

    Where there is a *spare* stem, a file of that name stays, and the picture has the other.
    """
    facts = sniff(content)
    ending = f"_{index}.{facts.format.extension}"
    path = stem.with_name(f"{stem.name}{ending}")
    if spare is not None and os.access(path, os.F_OK):
        path = spare.with_name(f"{spare.name}{ending}")
    digest = sha256(content).hexdigest()  # while the processor still has the picture at hand
    _write_whole(path, content)
    return KeptPicture(
        path=path,
        sha256=digest,
        size_bytes=len(content),
        facts=facts,
        c2pa=has_c2pa(content, facts.format),
        revised_prompt=revised_prompt,
    )


def sync_folder(folder: Path) -> None:
    """Have the names of the files in *folder* outlive a power cut, where the system knows how."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_errors(output: Path, errors: Iterable[dict[str, JsonValue]]) -> Path | None:
    """Write `errors.jsonl`, a line per error; without errors there is no such file afterwards."""
    path = output.absolute() / ERRORS
    count = 0
    with atomic_file(path) as file:
        for count, error in enumerate(errors, start=1):  # noqa: B007  # counts
            file.write(json_bytes(error) + b"\n")
    if count == 0:
        path.unlink()
        return None
    return path


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """A file to be written, which is put in its place when it is on the disk; where anything fails, it goes.

    What the file system says against it is raised with the name that was asked for.
    """
    with _put_in_place(path) as temporary, _made(temporary, lambda: open(temporary, "xb")) as file:  # noqa: PTH123
        yield file
        file.flush()
        os.fsync(file.fileno())


def _write_whole(path: Path, content: bytes) -> None:
    """`atomic_file` for *content* that is there already, in half as many steps.

    With each step a thread gives up the interpreter's lock, for which it then has to wait.
    """
    with _put_in_place(path) as temporary:
        with _TURN:
            handle = _made(temporary, lambda: os.open(temporary, _NEW, 0o666))
        try:
            left = memoryview(content)
            while left:
                left = left[os.write(handle, left) :]
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def _put_in_place(path: Path) -> Iterator[str]:
    """The name of a file to be written, which is called *path* afterwards."""
    target = str(path)
    temporary = os.path.join(os.path.dirname(target), f".{secrets.token_hex(8)}.tmp")  # noqa: PTH118, PTH120  # thrice as fast
    try:
        yield temporary
        with _TURN:
            os.replace(temporary, target)  # noqa: PTH105
    except BaseException as error:
        with suppress(OSError):  # where it can't go, what went wrong before is worth more
            Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename == temporary:
            raise OSError(error.errno, error.strerror, target) from error
        raise


def _made(name: str, make: Callable[[], T]) -> T:
    """What *make* makes of the file called *name*, whose folder may be missing."""
    try:
        return make()
    except FileNotFoundError:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        return make()
