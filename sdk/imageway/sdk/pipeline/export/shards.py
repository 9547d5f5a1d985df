"""WebDataset shards: tar files of bounded size, a group of members for each record."""

import io
import re
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import PurePosixPath

from imageway.contract.request import JsonValue
from imageway.sdk.pipeline.export.places import local_path
from imageway.sdk.pipeline.export.samples import Sample, Samples
from imageway.sdk.pipeline.export.targets import Targets
from imageway.sdk.pipeline.files.json_text import json_bytes

__all__ = ("export_shards", "shard_name")

_NUMBERS = re.compile(r"\{(0+)\.\.[0-9]*\}")
_BLOCK = 512


def shard_name(pattern: str, number: int) -> str:
    """The name of a shard by a pattern such as `shards/{000000..}.tar`. Raises `ValueError` for another."""
    found = _NUMBERS.search(pattern)
    if found is None:
        raise ValueError(f"{pattern}: shards are named by a pattern such as shards/{{000000..}}.tar")
    return pattern[: found.start()] + f"{number:0{len(found[1])}}" + pattern[found.end() :]


def export_shards(samples: Samples, pattern: str, targets: Targets, *, max_bytes: int) -> list[str]:
    """Write shards of at most *max_bytes*, or of a single record that is larger; gives their names.

    The same run makes the same bytes. A record's members are `{number}.{extension}` for the picture of the only column
    of single pictures, else `{number}.{column}.{extension}`, and `{number}.json` for its fields.

    Raises `ValueError` for a pattern that is none, or where shards of a longer export would be left behind; `OSError`.
    """
    names: list[str] = []
    with ExitStack() as stack:
        shard: tarfile.TarFile | None = None
        for number, sample in enumerate(samples):
            members = [*_members(samples, sample, f"{number:09}")]
            size = sum(_BLOCK + len(content) + -len(content) % _BLOCK for _, content in members)
            if shard is None or (shard.offset > 0 and shard.offset + size > max_bytes):
                stack.close()
                names.append(shard_name(pattern, len(names)))
                file = stack.enter_context(targets.opened(names[-1]))
                shard = stack.enter_context(tarfile.open(fileobj=file, mode="w|", format=tarfile.USTAR_FORMAT))
            for name, content in members:
                member = tarfile.TarInfo(name)
                member.size = len(content)
                shard.addfile(member, io.BytesIO(content))
    following = shard_name(pattern, len(names))
    path = local_path(following)
    if path is not None and path.exists():
        raise ValueError(f"{following} is left over from a longer export: delete it, or it will be read as well")
    return names


def _members(samples: Samples, sample: Sample, key: str) -> Iterator[tuple[str, bytes]]:
    columns = samples.columns
    alone = len(columns.single) == 1 and not columns.several
    told: dict[str, JsonValue] = dict(sample.fields)
    for column, pictures in sample.pictures.items():
        names: list[JsonValue] = []
        for index, picture in enumerate(pictures):
            kind = PurePosixPath(picture).suffix
            part = re.sub(r"[^A-Za-z0-9_-]", "_", column)
            name = f"{key}{'' if alone else f'.{part}'}{f'.{index}' if column in columns.several else ''}{kind}"
            names.append(name)
            yield name, samples.content(picture)
        told[column] = names if column in columns.several else names[0]
    yield f"{key}.json", json_bytes(told)
