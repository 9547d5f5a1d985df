"""What is to be drawn anew: the rejects that were marked in a contact sheet, or a list of records."""

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from msgspec import Struct

__all__ = ("Redo", "RedoError", "Reject", "read_redo")

_MAX_BYTES = 64 * 1024**2


class RedoError(Exception):
    """The list of rejects can't be used; the sentence says where and why."""


class Reject(Struct, frozen=True, kw_only=True):
    """A call to be made anew; without `node` all calls of the record."""

    record_id: str
    node: str | None = None
    draw: int | None = None


class Redo(Struct, frozen=True, kw_only=True):
    """A list of rejects. `digest` tells it from others: one list is drawn anew once, however often it is given."""

    rejects: tuple[Reject, ...]
    digest: str


def read_redo(path: Path) -> Redo:
    """The rejects in the file *path*: a JSON object with `id`, `node` and `draw` a line, or a record's id alone.

    Raises `RedoError`.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise RedoError(f"{path} is larger than {_MAX_BYTES // 1024**2} MiB")
        content = path.read_bytes()
        lines = content.decode("utf-8-sig").splitlines()
    except OSError as error:
        raise RedoError(f"{path} can't be read: {error.strerror or type(error).__name__}") from error
    except UnicodeDecodeError as error:
        raise RedoError(f"{path} isn't UTF-8") from error
    rejects = tuple(_rejects(path, lines))
    if not rejects:
        raise RedoError(f"{path} names no record")
    return Redo(rejects=rejects, digest=sha256(content).hexdigest())


def _rejects(path: Path, lines: list[str]) -> Iterator[Reject]:
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text:
            continue
        if not text.startswith("{"):
            yield Reject(record_id=text)
            continue
        try:
            found = json.loads(text)
        except ValueError as error:
            raise RedoError(f"{path}:{number}: this is not valid JSON") from error
        match found:
            case {"id": str(id_), **rest} if set(rest) <= {"node", "draw"}:
                node, draw = rest.get("node"), rest.get("draw")
                if isinstance(node, str | None) and isinstance(draw, int | None) and not isinstance(draw, bool):
                    yield Reject(record_id=id_, node=node, draw=draw)
                    continue
        raise RedoError(f'{path}:{number}: a reject is {{"id": "...", "node": "...", "draw": 1}}, or a record\'s id')
