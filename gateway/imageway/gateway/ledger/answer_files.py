"""The bodies of kept answers as files beside the ledger's database, which would have to write megabytes twice."""

import os
from collections.abc import Collection, Iterable
from pathlib import Path

__all__ = ("AnswerFiles",)


class AnswerFiles:
    """A folder of bodies by their call's token; whether a body counts is for the database to say.

    Methods block; they may be called from any thread, and raise `OSError`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, exist_ok=True)

    def write(self, token: str, body: bytes) -> None:
        """Have *body* on the disk, so that a database row may refer to it. What can't be written whole is removed."""
        path = self._folder / token
        try:
            with path.open("xb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            _sync_folder(self._folder)
        except OSError:
            path.unlink(missing_ok=True)
            raise

    def read(self, token: str, body_bytes: int) -> bytes | None:
        """The body, or None where there is no file of *body_bytes*."""
        try:
            body = (self._folder / token).read_bytes()
        except FileNotFoundError:
            return None
        return body if len(body) == body_bytes else None

    def remove(self, tokens: Iterable[str]) -> None:
        for token in tokens:
            (self._folder / token).unlink(missing_ok=True)

    def remove_all_but(self, tokens: Collection[str]) -> None:
        """Remove what a process left behind that ended between writing a body and telling the database."""
        self.remove(path.name for path in list(self._folder.iterdir()) if path.name not in tokens)


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
