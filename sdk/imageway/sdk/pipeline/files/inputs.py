"""What a run reads, noted beside its journal: nothing that is made of the run later is written over it."""

from pathlib import Path

import msgspec

from imageway.sdk.pipeline.files.sink import atomic_file

__all__ = ("Inputs", "note_inputs", "noted_inputs")


class Inputs(msgspec.Struct, frozen=True, kw_only=True):
    """The files of the task itself, and where its records come from: absolute paths, and URLs."""

    task: tuple[str, ...] = ()
    data: tuple[str, ...] = ()


def note_inputs(output: Path, inputs: Inputs) -> None:
    """Note what the run into *output* reads, in place of what an earlier one read. Raises `OSError`."""
    with atomic_file(_path(output)) as file:
        file.write(msgspec.json.encode(inputs))


def noted_inputs(output: Path) -> Inputs:
    """What the newest run into *output* reads; nothing where an older imageway ran it. Raises `ValueError`."""
    path = _path(output)
    try:
        return msgspec.json.decode(path.read_bytes(), type=Inputs)
    except FileNotFoundError:
        return Inputs()
    except msgspec.MsgspecError as error:
        raise ValueError(f"{path} can't be read ({error}); the run's command again writes it anew") from error


def _path(output: Path) -> Path:
    return output.absolute() / ".imageway" / "inputs.json"
