"""What a run leaves behind: pictures, `output.json` and `errors.jsonl`. A file is there whole or not at all."""

import json
import math
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from imageway.contract.request import ImageFormat, JsonValue
from imageway.contract.sniff import sniff

__all__ = ("picture_folder", "save_picture", "write_atomically", "write_errors", "write_output")


def picture_folder(output: Path) -> Path:
    """Where the pictures of a run into *output* go; absolute."""
    return output.absolute() / "multimodal_output" / "image"


def save_picture(folder: Path, stem: str, index: int, content: bytes) -> tuple[Path, ImageFormat]:
    """Write a picture as `{stem}_{index}.{ext}`, the ending being that of its real format, which is told as well."""
    format_ = sniff(content).format
    path = folder / f"{stem}_{index}.{format_.extension}"
    write_atomically(path, content)
    return path, format_


def write_output(output: Path, rows: Iterable[dict[str, JsonValue]]) -> Path:
    """Write *rows* to `output.json`, as they are ordered."""
    path = output.absolute() / "output.json"
    write_atomically(path, _json([*rows], indent=2) + b"\n")
    return path


def write_errors(output: Path, errors: Iterable[dict[str, JsonValue]]) -> Path | None:
    """Write `errors.jsonl`, a line per error; without errors there is no such file afterwards."""
    path = output.absolute() / "errors.jsonl"
    lines = [_json(error) + b"\n" for error in errors]
    if not lines:
        path.unlink(missing_ok=True)
        return None
    write_atomically(path, b"".join(lines))
    return path


def write_atomically(path: Path, content: bytes) -> None:
    """Write *content* beside *path* first, and put it in its place when it is on the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f".{secrets.token_hex(8)}.tmp"
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _json(value: JsonValue, *, indent: int | None = None) -> bytes:
    """JSON in UTF-8. What JSON can't say becomes what it can: infinities null, halves of surrogate pairs escapes."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent, default=str)
    except ValueError:
        text = json.dumps(_finite(value), ensure_ascii=False, allow_nan=False, indent=indent, default=str)
    return text.encode(errors="backslashreplace")


def _finite(value: JsonValue) -> JsonValue:
    match value:
        case float() if not math.isfinite(value):
            return None
        case list():
            return [_finite(item) for item in value]
        case dict():
            return {name: _finite(item) for name, item in value.items()}
        case _:
            return value
