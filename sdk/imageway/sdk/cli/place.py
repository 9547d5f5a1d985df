"""Where a run writes to, as the command line says it."""

from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from imageway.sdk.cli.talk import Exit, GiveUpError
from imageway.sdk.pipeline.files.inputs import why_needed
from imageway.sdk.pipeline.output.output_file import OUTPUT_ENDINGS
from imageway.sdk.pipeline.output.tables import MissingLibraryError, require_library
from imageway.sdk.pipeline.run import Writing

__all__ = ("Place", "require_unneeded")


class Place(Struct, frozen=True, kw_only=True):
    """What the command line says of the output."""

    output: Path | None = None
    output_file: Path | None = None
    relative_paths: bool = False
    sidecars: bool = False

    def found(self, task_folder: Path) -> tuple[Path, Writing]:
        """The output folder, and what is written into it. Raises `GiveUpError`: nothing has been drawn then."""
        folder, name = self.output or task_folder, self.output_file
        if self.output is not None and self.output.suffix.lower() in OUTPUT_ENDINGS and not self.output.is_dir():
            if name is not None:
                raise GiveUpError(Exit.UNUSABLE, f"-o names the file {self.output}, and --output-file another one")
            folder, name = self.output.parent, Path(self.output.name)
        name = name or Path("output.json")
        if name.suffix.lower() not in OUTPUT_ENDINGS:
            raise GiveUpError(Exit.UNUSABLE, f"{name}: the output's ending must be one of {', '.join(OUTPUT_ENDINGS)}")
        if name.is_absolute() or ".." in name.parts:
            raise GiveUpError(Exit.UNUSABLE, f"--output-file is a name in the output folder, but it is {name}")
        try:
            require_library(name)
        except MissingLibraryError as error:
            raise GiveUpError(Exit.UNUSABLE, str(error)) from error
        return folder, Writing(file=name, relative_paths=self.relative_paths, sidecars=self.sidecars)


def require_unneeded(folders: Iterable[Path], target: Path) -> None:
    """Raise `GiveUpError` where a run in one of *folders* reads *target*, or has it for its own."""
    for folder in folders:
        try:
            need = why_needed(folder, target)
        except ValueError as error:
            raise GiveUpError(Exit.UNUSABLE, str(error)) from error
        if need is not None:
            raise GiveUpError(Exit.UNUSABLE, f"{need}; name another file")
