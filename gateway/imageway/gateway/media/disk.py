"""The files of a picture store: written whole or not at all, and only its own are ever touched."""

import os
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from imageway.gateway.media.links import parsed_name

__all__ = ("GRACE_S", "UNFINISHED", "Survey", "survey", "write_picture")

GRACE_S = 60
"""How long a file outlives its link: replicas' clocks differ, and an answer may just be under way."""

_MOST_REMOVED = 512
"""How many files one survey removes, which bounds the time that a call can wait for it."""

UNFINISHED = ".part"
"""What the name of a file ends with while it is being written."""


class Survey(Struct, frozen=True, kw_only=True):
    """A store's own files by name with their sizes, and whether expired ones are left among them."""

    sizes: Mapping[str, int]
    more_expired: bool


def write_picture(directory: Path, name: str, content: bytes) -> None:
    """Put *content* into *directory*, readable by this user only. Raises `OSError`, and leaves nothing then."""
    unfinished = directory / f"{name}{UNFINISHED}"
    try:
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(directory / name)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def survey(directory: Path, *, now_s: float) -> Survey:
    """What is kept in *directory*, after removing what expired more than `GRACE_S` seconds ago.

    What a writer left unfinished counts, and goes when it would have expired. Makes the directory where there is none.
    Raises `OSError`.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    sizes: dict[str, int] = {}
    removed = 0
    more_expired = False
    with os.scandir(directory) as entries:
        for entry in entries:
            name = parsed_name(entry.name.removesuffix(UNFINISHED))
            if name is None:
                continue
            try:
                if not entry.is_file(follow_symlinks=False):
                    continue
                expired = now_s > name.expires_s + GRACE_S
                if expired and removed < _MOST_REMOVED:
                    Path(entry.path).unlink()
                    removed += 1
                else:
                    more_expired = more_expired or expired
                    sizes[entry.name] = entry.stat(follow_symlinks=False).st_size
            except FileNotFoundError:
                continue  # another replica swept it, or finished writing it under its real name
    return Survey(sizes=sizes, more_expired=more_expired)
