"""What a run reads, noted beside its journal: nothing that is made of the run later is written over it."""

from pathlib import Path

import msgspec

from imageway.sdk.pipeline.files.sink import atomic_file, own_place

__all__ = ("Inputs", "note_inputs", "noted_inputs", "why_needed")


class Inputs(msgspec.Struct, frozen=True, kw_only=True):
    """The files of the task itself, and where its records come from: absolute paths, and URLs."""

    task: tuple[str, ...] = ()
    data: tuple[str, ...] = ()

    def why_needed(self, name: str) -> str | None:
        """Why nothing may be written over *name*, as a sentence that goes on; None for what isn't among them."""
        if name in self.data:
            return f"{name} is where the records come from"
        return f"{name} is a file of the task" if name in self.task else None


def note_inputs(output: Path, inputs: Inputs) -> None:
    """Note what the run into *output* reads, in place of what an earlier one read. Raises `OSError`."""
    with atomic_file(_path(output)) as file:
        file.write(msgspec.json.encode(inputs))


def noted_inputs(output: Path) -> Inputs:
    """What the newest run into *output* reads; nothing where an older imageway ran it. Raises `ValueError`."""
    path = _path(output)
    try:
        return msgspec.json.decode(path.read_bytes(), type=Inputs)
    except (FileNotFoundError, NotADirectoryError):
        return Inputs()
    except (OSError, msgspec.MsgspecError) as error:
        raise ValueError(f"{path} can't be read ({error}); the run's command again writes it anew") from error


def why_needed(output: Path, path: Path) -> str | None:
    """Why the run in *output* can't have *path* written over; None where it can. Raises `ValueError`."""
    if own_place(output, path) is not None:
        return f"{path} is among the own files of the run in {output}"
    return noted_inputs(output).why_needed(str(path.resolve()))


def _path(output: Path) -> Path:
    return output.absolute() / ".imageway" / "inputs.json"
