"""A folder of pictures with `metadata.jsonl`, which Hugging Face's `imagefolder` loads."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from imageway.sdk.pipeline.export.places import joined
from imageway.sdk.pipeline.export.samples import Samples
from imageway.sdk.pipeline.export.targets import Targets
from imageway.sdk.pipeline.files.json_text import json_bytes
from imageway.sdk.pipeline.journal.run_view import RunView
from imageway.sdk.pipeline.output.image_folder import METADATA, metadata_rows

__all__ = ("export_folder", "folder_files")

_WITHIN = "multimodal_output/image"


def folder_files(samples: Samples, target: str) -> list[str]:
    """The files that `export_folder` writes, in their order."""
    return [*(name for _, name in _copies(samples, target)), joined(target, METADATA)]


def export_folder(run: RunView, samples: Samples, target: str, targets: Targets) -> list[str]:
    """Copy the pictures to *target*, then write their metadata; gives the files. Raises `OSError`."""
    files: list[str] = []
    for picture, name in _copies(samples, target):
        files.append(name)
        with targets.opened(name) as file:
            file.write(samples.content(picture))
    files.append(joined(target, METADATA))
    with targets.opened(files[-1]) as file:
        rows = metadata_rows(run.outcomes.done_rows(), samples.columns, folder=_WITHIN)
        file.writelines(json_bytes(row) + b"\n" for row in rows)
    return files


def _copies(samples: Samples, target: str) -> Iterator[tuple[str, str]]:
    """Each picture, and what its copy is called."""
    for sample in samples:
        for pictures in sample.pictures.values():
            for picture in pictures:
                yield picture, joined(target, PurePosixPath(picture).name)
