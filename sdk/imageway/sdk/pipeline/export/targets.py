"""The files that an export writes: none is needed for something else, and what somebody else made stays there."""

import os
import stat
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from imageway.sdk.pipeline.export.made import Made, open_made
from imageway.sdk.pipeline.export.places import local_path, open_target, present
from imageway.sdk.pipeline.files.inputs import noted_inputs
from imageway.sdk.pipeline.files.sink import own_place
from imageway.sdk.pipeline.journal.file import journal_path

__all__ = ("Targets", "open_targets")


class Targets:
    """Opens the files of an export, and notes each of them once it is in its place."""

    def __init__(self, output: Path, made: Made, *, replace: bool) -> None:
        self._output = output
        self._made = made
        self._replace = replace

    def require(self, target: str, files: Sequence[str]) -> None:
        """Raise `ValueError` unless the export to *target* may write *files*; nothing is written before.

        No file of a run, of the task or of its data may be written over at all; what else is there only where an export
        of this run has left it so, or all is to be replaced.
        """
        by_folder: defaultdict[str, list[str]] = defaultdict(list)
        for file in files:
            by_folder[file.rpartition("/")[0]].append(file)
        for some in by_folder.values():
            self._require_unneeded(target, some)
        if self._replace:
            return
        there = [file for some in by_folder.values() for file in self._of_others(some)]
        if there:
            more = f" and {len(there) - 1:,} more" if len(there) > 1 else ""
            raise ValueError(
                f"{there[0]}{more}: there already, and not as an export of this run left it;"
                " export to another place, or write over it with --replace"
            )

    @contextmanager
    def opened(self, file: str) -> Iterator[BinaryIO]:
        """*file* to be written; see `open_target`."""
        with open_target(file) as opened:
            yield opened
        path = local_path(file)
        self._made.note(*((file, "") if path is None else (_name(path), _stamp(path) or "")))

    @property
    def all_noted(self) -> bool:
        """Whether a later export may write over all that was written."""
        return self._made.complete

    def _require_unneeded(self, target: str, files: Sequence[str]) -> None:
        """*files* are in one folder, all of which is for a run or none."""
        inputs = noted_inputs(self._output)
        first = local_path(files[0])
        if first is None:
            _require_no_need(inputs.why_needed(file) for file in files)
            return
        folder = first.parent.resolve()
        if own_place(self._output, first) is not None:
            raise ValueError(f"{target} is among the run's own files; export to another place")
        for other in (folder, *folder.parents):
            if journal_path(other).is_file() and own_place(other, first) is not None:
                raise ValueError(f"{target} is among the own files of the run in {other}; export to another place")
        _require_no_need(inputs.why_needed(str(one)) for one in (folder, *folder.parents))
        _require_no_need(inputs.why_needed(str(folder / Path(file).name)) for file in files)

    def _of_others(self, files: Sequence[str]) -> list[str]:
        if local_path(files[0]) is None:
            return [file for file in present(files) if not self._made.knows(file, "")]
        found = []
        for file in files:
            path = Path(local_path(file) or file)
            stamp = _stamp(path)
            if stamp is not None and not self._made.knows(_name(path), stamp):
                found.append(file)
        return found


@contextmanager
def open_targets(output: Path, *, replace: bool) -> Iterator[Targets]:
    """What exports of the runs in *output* may write; with *replace* over what others have made, too."""
    with open_made(output) as made:
        yield Targets(output, made, replace=replace)


def _require_no_need(needs: Iterable[str | None]) -> None:
    for need in needs:
        if need is not None:
            raise ValueError(f"{need}; export to another place")


def _name(path: Path) -> str:
    """One name for a file, however it was spelled; a link is a file of its own, since writing replaces it."""
    return str(path.parent.resolve() / path.name)


def _stamp(path: Path) -> str | None:
    """Tells whether somebody has written to the file since; None where there is none."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return None
    return None if stat.S_ISDIR(found.st_mode) else f"{found.st_size} {found.st_mtime_ns}"
