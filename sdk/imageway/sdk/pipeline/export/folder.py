"""A folder of pictures with `metadata.jsonl`, which Hugging Face's `imagefolder` loads."""

from pathlib import PurePosixPath

from imageway.sdk.pipeline.export.places import joined, open_target
from imageway.sdk.pipeline.export.samples import Samples
from imageway.sdk.pipeline.files.json_text import json_bytes
from imageway.sdk.pipeline.journal.run_view import RunView
from imageway.sdk.pipeline.output.image_folder import METADATA, metadata_rows

__all__ = ("export_folder",)

_WITHIN = "multimodal_output/image"


def export_folder(run: RunView, samples: Samples, target: str) -> list[str]:
    """Copy the pictures to *target*, then write their metadata; gives the files. Raises `OSError`."""
    files: list[str] = []
    for sample in samples:
        for pictures in sample.pictures.values():
            for picture in pictures:
                files.append(joined(target, PurePosixPath(picture).name))
                with open_target(files[-1]) as file:
                    file.write(samples.content(picture))
    files.append(joined(target, METADATA))
    with open_target(files[-1]) as file:
        rows = metadata_rows(run.outcomes.done_rows(), samples.columns, folder=_WITHIN)
        file.writelines(json_bytes(row) + b"\n" for row in rows)
    return files
