"""One run at a time per output folder, held by the operating system: a run that dies leaves nothing locked."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

__all__ = ("RunLockedError", "is_locked", "run_lock")


class RunLockedError(Exception):
    """Another run is writing to the same folder."""

    def __init__(self, output: Path, pid: str) -> None:
        holder = f"process {pid}" if pid.isdecimal() else "another process"
        super().__init__(f"{output} is in use: {holder} is running a task into it")


@contextmanager
def run_lock(output: Path) -> Iterator[None]:
    """Hold `.imageway/lock` in *output*, making the folders. Raises `RunLockedError` at once where another run has it.

    The file stays behind, empty; only the lock on it counts.
    """
    folder = output / ".imageway"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a+b") as file:
        try:
            _take(file)
        except BlockingIOError:
            file.seek(0)
            raise RunLockedError(output, file.read(20).decode(errors="replace").strip()) from None
        _write(file, str(os.getpid()))
        try:
            yield
        finally:
            _write(file, "")
            _release(file)


def is_locked(output: Path) -> bool:
    """Whether a run is writing to *output* now."""
    try:
        with (output / ".imageway" / "lock").open("r+b") as file:
            if not file.read(20).strip():
                return False
            _take(file)
            _release(file)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _write(file: BinaryIO, text: str) -> None:
    file.truncate(0)
    file.write(text.encode())
    file.flush()


if sys.platform == "win32":
    import msvcrt

    _FAR = 1024
    """Windows bars others from reading what is locked, so the byte is taken behind the process id."""

    def _take(file: BinaryIO) -> None:
        file.seek(_FAR)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError from error

    def _release(file: BinaryIO) -> None:
        file.seek(_FAR)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)
else:
    import fcntl

    def _take(file: BinaryIO) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _release(file: BinaryIO) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)
