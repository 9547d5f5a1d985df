"""Whether a run's folder is as its journal says, and what lies there that no receipt speaks of."""

import re
import zlib
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from msgspec import Struct

from imageway.contract.request import ImageFormat, JsonValue
from imageway.contract.sniff import sniff
from imageway.sdk.pipeline.files.sink import TEMPORARY, picture_folder
from imageway.sdk.pipeline.journal.row_paths import pictures_in
from imageway.sdk.pipeline.journal.run_view import RunView
from imageway.sdk.pipeline.output.image_folder import METADATA

__all__ = ("Finding", "Orphan", "findings", "orphans", "undecodable")

_TEMPORARY = re.compile(TEMPORARY)
_PICTURE = re.compile(r"(?P<stem>.+)_[0-9]+\.[a-z]+")
_MAX_PIXEL_BYTES = 2**31
_PIXEL_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


class Finding(Struct, frozen=True, kw_only=True):
    """Something that isn't as the journal says. `path` is relative to the output folder."""

    code: str
    path: str
    message: str


class Orphan(Struct, frozen=True, kw_only=True):
    """A file without a receipt. `ours` says that the journal proves it to be left over from a call of ours."""

    path: Path
    size_bytes: int
    ours: bool
    reason: str


def findings(run: RunView) -> Iterator[Finding]:
    """What is wrong: pictures that are gone, changed or broken, and paths in rows without a receipt."""
    for picture in run.pictures():
        path = run.output / picture.path
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            yield Finding(code="missing", path=picture.path, message="there is no such file")
            continue
        except OSError as error:
            reason = error.strerror or type(error).__name__
            yield Finding(code="unreadable", path=picture.path, message=f"can't be read: {reason}")
            continue
        if sha256(content).hexdigest() != picture.sha256:
            yield Finding(code="changed", path=picture.path, message="the bytes aren't those that were received")
        elif (fault := undecodable(content)) is not None:
            yield Finding(code="broken", path=picture.path, message=fault)
    for record_id, row in run.outcomes.packed_rows():
        for name in pictures_in(row):
            if not run.file.read("SELECT 1 FROM picture WHERE path = ?", name):
                message = f"record '{record_id}' names it, and there is no receipt for it"
                yield Finding(code="without_receipt", path=name, message=message)


def undecodable(content: bytes) -> str | None:
    """Why *content* isn't a whole picture, in words; None where it is.

    A PNG is unpacked to its last row of pixels; of other formats the structure is looked at, up to its end.
    """
    facts = sniff(content)
    if facts.format is ImageFormat.UNKNOWN:
        return "it is no picture of a known format"
    if facts.truncated:
        return f"the {facts.format.upper()} is cut short"
    if facts.format is ImageFormat.PNG:
        return _undecodable_png(content)
    return None


def orphans(run: RunView) -> Iterator[Orphan]:
    """Files in the picture folder without a receipt in any run, and files that were never finished.

    Pictures of calls that are in flight or of unknown end are left out: they may have been paid for.
    """
    for folder in (run.output, picture_folder(run.output)):
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if not path.is_file() or path.is_symlink():
                continue
            if _TEMPORARY.fullmatch(path.name):
                yield _orphan(path, ours=True, reason="was never finished")
            elif folder != run.output and path.name != METADATA:
                yield from _without_receipt(run, path)


def _without_receipt(run: RunView, path: Path) -> Iterator[Orphan]:
    name = path.relative_to(run.output).as_posix()
    pictured = name.removesuffix(".json") if path.suffix == ".json" else name
    if run.file.read("SELECT 1 FROM picture WHERE path = ?", pictured):
        return
    stem = _PICTURE.fullmatch(name)
    states = [] if stem is None else run.file.read("SELECT state FROM call WHERE stem = ?", stem["stem"])
    if any(state in {"in flight", "unknown"} for (state,) in states):
        return
    if states:
        yield _orphan(path, ours=True, reason="belongs to a call that was answered with other pictures, or with none")
    else:
        yield _orphan(path, ours=False, reason="isn't known to the journal")


def _orphan(path: Path, *, ours: bool, reason: str) -> Orphan:
    return Orphan(path=path, size_bytes=path.stat().st_size, ours=ours, reason=reason)


def _undecodable_png(content: bytes) -> str | None:
    header, packed = b"", zlib.decompressobj()
    size, at = 0, 8
    try:
        while at + 12 <= len(content):
            length = int.from_bytes(content[at : at + 4], "big")
            kind, data = content[at + 4 : at + 8], content[at + 8 : at + 8 + length]
            if zlib.crc32(kind + data) != int.from_bytes(content[at + 8 + length : at + 12 + length], "big"):
                return f"the checksum of the PNG's {kind.decode('ascii', 'replace')} doesn't fit"
            if kind == b"IHDR":
                header = data
            elif kind == b"IDAT":
                size += len(packed.decompress(data, _MAX_PIXEL_BYTES - size))
            at += 12 + length
    except zlib.error:
        return "the PNG's pixels can't be unpacked"
    wanted = None if len(header) != 13 or header[12] else _pixel_bytes(header)
    return None if wanted is None or size >= wanted else "the PNG's pixels are incomplete"


def _pixel_bytes(header: bytes) -> int | None:
    """How many bytes the rows of a PNG that isn't interlaced unpack to; None where that isn't known."""
    width, height = int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big")
    channels = _PIXEL_CHANNELS.get(header[9])
    return None if channels is None else height * (1 + (width * channels * header[8] + 7) // 8)


def as_json(found: Finding | Orphan) -> dict[str, JsonValue]:
    match found:
        case Finding(code=code, path=path, message=message):
            return {"code": code, "path": path, "message": message}
        case Orphan():
            return {
                "path": str(found.path),
                "size_bytes": found.size_bytes,
                "known": found.ours,
                "reason": found.reason,
            }
