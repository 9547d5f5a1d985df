"""What the pictures of calls are called, and whose a name is."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from imageway.sdk.pipeline.journal.file import sql_text

__all__ = ("Stem", "claimer", "is_empty", "owner")


class Stem(Struct, frozen=True):
    """What the pictures of a call are called, but for an index and an ending.

    Those whose names others have taken meanwhile are called by the *spare* one; without one they take their places.
    """

    path: Path
    spare: Path | None = None


def claimer(connection: sqlite3.Connection) -> Callable[[str, str], bool]:
    """What gives a name to an owner, for ever, and says whether it is theirs."""

    def claim(folded: str, owner: str) -> bool:
        values = (sql_text(folded), sql_text(owner))
        if connection.execute("INSERT OR IGNORE INTO name VALUES (?, ?)", values).rowcount:
            return True
        (taken,) = connection.execute("SELECT owner FROM name WHERE folded = ?", values[:1]).fetchone()
        return bool(taken == values[1])

    return claim


def owner(connection: sqlite3.Connection, stem: str, key: str) -> tuple[int, str] | None:
    """The run and drawer of another call than that of *key* whose first picture is called by that stem."""
    row: tuple[int, str] | None = connection.execute(
        "SELECT call.run, call.drawer FROM picture JOIN call ON call.key = picture.call"
        " WHERE picture.path > ? AND picture.path < ? AND call.key != ?",
        (f"{stem}_0.", f"{stem}_0/", key),  # all endings: the slash comes right after the dot
    ).fetchone()
    return row


def is_empty(folder: Path) -> bool:
    """Whether *folder* holds no file, or isn't there. One that can't be read isn't empty."""
    try:
        with os.scandir(folder) as found:
            return next(found, None) is None
    except FileNotFoundError:
        return True
    except OSError:
        return False
