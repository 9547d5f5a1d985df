"""The files that a run writes: none is where its data come from, nor one that it needs for something else."""

from collections.abc import Iterator
from pathlib import Path

from imageway.sdk.pipeline.data.files import STDIN
from imageway.sdk.pipeline.data.kinds import Data, DataFile, Joined
from imageway.sdk.pipeline.files.inputs import Inputs
from imageway.sdk.pipeline.files.sink import ERRORS, own_place, picture_folder
from imageway.sdk.pipeline.plan import Plan

__all__ = ("TargetError", "inputs_of", "require_targets")


class TargetError(Exception):
    """A file would be written over another that is needed; the sentence says which."""


def inputs_of(plan: Plan) -> Inputs:
    """What a run of *plan* reads."""
    return Inputs(
        task=tuple(str(path.resolve()) for path in plan.files),
        data=tuple(file.url or str(file.path.resolve()) for file in _files(plan.data)),
    )


def require_targets(plan: Plan, output: Path, file: Path) -> None:
    """Raises `TargetError` unless *plan* can write its rows to *file* and its sinks in *output*."""
    inputs = inputs_of(plan)
    sources, own_files = {Path(name) for name in inputs.data}, {Path(name) for name in inputs.task}
    errors = (output / ERRORS).resolve()
    for name in dict.fromkeys((file, *plan.sinks)):
        path = (output / name).resolve()
        if path in sources:
            raise TargetError(f"{path} is where the records come from, and would be written over; name another file")
        if path in own_files:
            raise TargetError(f"{path} is a file of the task, and would be written over; name another file")
        own = own_place(output, path)
        if own == ERRORS:
            raise TargetError(f"{path} is where failures are written to; name another file for the rows")
        if own is not None:
            raise TargetError(f"{path} is in the folder {own}, which is for the run's own files; name another file")
    if picture_folder(output).resolve() in sources:
        raise TargetError(f"{picture_folder(output)} is where the records come from; draw into another folder with -o")
    if errors in sources:
        raise TargetError(f"{errors} is where the records come from, and failures would be written over it; use -o")


def _files(data: Data) -> Iterator[DataFile]:
    match data:
        case DataFile() if data.path != STDIN or data.url is not None:
            yield data
        case Joined():
            for member in data.members:
                yield from _files(member.data)
