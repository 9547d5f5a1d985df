"""`imageway init`: a task folder that runs as it is; `imageway schema`: what editors check task files against."""

import json
import struct
import zlib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Literal

from imageway.sdk.cli.talk import Exit, GiveUpError, put, say
from imageway.sdk.pipeline.files.sink import atomic_file
from imageway.sdk.pipeline.schema.published import models_schema, task_schema

__all__ = ("Template", "print_schema", "start_task")

Template = Literal["product", "edit", "collage", "variations"]

_DATA = {
    "product": "products.json",
    "edit": "photos.json",
    "collage": "photo_sets.json",
    "variations": "concepts.json",
}
_PHOTOS = {"red": (214, 69, 65), "green": (63, 143, 89), "blue": (58, 98, 178)}
_SCHEMA, _MODELS_SCHEMA = "imageway.schema.json", "imageway.models.schema.json"
_HEADER = "# yaml-language-server: $schema={}\n"


def start_task(folder: Path, template: Template) -> Exit:
    """Write the task *template* into *folder*, and the folder's name on stdout. Raises `GiveUpError`.

    Nothing is written where any of the files is there already.
    """
    wanted = dict(_files(template))
    present = [name for name in wanted if (folder / name).exists()]
    if present:
        raise GiveUpError(Exit.UNUSABLE, f"{folder} has {', '.join(present)} already; name another folder")
    try:
        for name, content in wanted.items():
            with atomic_file(folder / name) as file:
                file.write(content)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise GiveUpError(Exit.UNUSABLE, f"can't write to {folder}: {reason}") from error
    say(f"wrote {', '.join(wanted)}; try: imageway check {folder}, then imageway run {folder}")
    put(str(folder))
    return Exit.FINE


def print_schema(*, models: bool) -> Exit:
    """Put a JSON schema on stdout: of task files, or of models files."""
    put(json.dumps(models_schema() if models else task_schema(), indent=2))
    return Exit.FINE


def _files(template: Template) -> Iterator[tuple[str, bytes]]:
    yield "graph_config.yaml", _HEADER.format(_SCHEMA).encode() + _starter(f"{template}.yaml")
    yield f"data/{_DATA[template]}", _starter(f"{template}.data.json")
    yield _SCHEMA, json.dumps(task_schema(), indent=2).encode()
    if template == "product":
        yield "models.yaml", _HEADER.format(_MODELS_SCHEMA).encode() + _starter("product.models.yaml")
        yield _MODELS_SCHEMA, json.dumps(models_schema(), indent=2).encode()
    if template in ("edit", "collage"):
        for name, colour in _PHOTOS.items():
            yield f"data/photos/{name}.png", _disc(colour)


def _starter(name: str) -> bytes:
    return files("imageway.sdk.starters").joinpath(name).read_bytes()


def _disc(colour: tuple[int, int, int], edge_px: int = 256) -> bytes:
    """A PNG with a disc of *colour* on grey, to try edits with."""
    middle, radius = edge_px / 2, edge_px * 0.38
    ground, disc = bytes((225, 225, 220)), bytes(colour)
    rows = []
    for y in range(edge_px):
        half = int(max(0.0, radius**2 - (y - middle) ** 2) ** 0.5)
        left = ground * (edge_px // 2 - half)
        rows.append(b"\0" + left + disc * (2 * half) + left)
    header = struct.pack(">IIBBBBB", edge_px, edge_px, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows), 9)), (b"IEND", b""))
    chunks = (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
