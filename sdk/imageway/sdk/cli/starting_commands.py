"""Commands to begin a task with: their arguments."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from imageway.sdk.cli.words import told_once

__all__ = ("add_starting_commands",)


def add_starting_commands(app: App) -> None:
    app.command(_init, name="init")
    app.command(_schema, name="schema")


def _init(
    folder: Annotated[Path, Parameter(name="DIR", help="The folder of the new task.")] = Path(),
    /,
    *,
    template: Annotated[
        Literal["product", "edit", "collage", "variations"], Parameter(help="What the task does.")
    ] = "product",
) -> int:
    """Write a task folder that runs as it is: YAML with the schema's line for editors, and a little data."""
    from imageway.sdk.cli.starting import start_task

    return told_once(lambda: start_task(folder, template), as_json=False)


def _schema(
    *, models: Annotated[bool, Parameter(negative="", help="The schema of models files, not of tasks.")] = False
) -> int:
    """Print the JSON schema of task files; editors read it where a file's first line names it."""
    from imageway.sdk.cli.starting import print_schema

    return told_once(lambda: print_schema(models=models), as_json=False)
