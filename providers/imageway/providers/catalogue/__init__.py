"""The catalogue: what is known of each model, as YAML rows that extend one another.

Built-in rows stand beside this module, plugins bring some, operators add files of their own. How to write a row:
`providers/README.md`.
"""

from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

import msgspec

from imageway.contract.spec import ModelSpec
from imageway.providers.catalogue._faults import faults
from imageway.providers.catalogue._rows import Key, Layer, WrittenRow, merged_rows, written_rows

__all__ = ("CatalogueError", "find", "load_catalogue")


class CatalogueError(ValueError):
    """The catalogue can't be read; `problems` has a sentence for each fault, with its file and row."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


def load_catalogue(overlays: Sequence[Path] = (), *, of_plugins: Sequence[Traversable] = ()) -> Mapping[str, ModelSpec]:
    """Every model by its name `kind/model`: the built-in ones in the order of their files, *of_plugins*, *overlays*.

    A row of a plugin or an overlay may extend any row of the files before it. An overlay's row takes the place of one
    with its own name, a plugin's row must not. Built-in rows are not touched by what an overlay makes of their base.
    Raises `CatalogueError` with all problems.
    """
    problems: list[str] = []
    layers = [_built_in(problems)]
    for file in of_plugins:
        layer = _layer(file, problems)
        problems.extend(_replacing(layer, layers))
        layers.append(layer)
    rows = merged_rows([*layers, *(_layer(path, problems) for path in overlays)], problems)
    catalogue: dict[str, ModelSpec] = {}
    found: dict[Key, list[str]] = {}
    for name, row in rows.items():
        told = list(faults(row.value))
        if told:
            found[row.key] = [f"{row.place}: {fault}" for fault in told]
        else:
            catalogue[name] = msgspec.convert(row.value, ModelSpec)
    for row in rows.values():
        # A row on a faulty base has its faults too; they are told once, where they stand.
        if row.key in found and not row.bases & found.keys():
            problems.extend(found[row.key])
    if problems:
        raise CatalogueError(problems)
    return catalogue


def find(catalogue: Mapping[str, ModelSpec], kind: str, model: str) -> ModelSpec | None:
    """The row for the vendor's name *model* in the flavour *kind*; a dated snapshot finds the model that it is of."""
    exact = catalogue.get(f"{kind}/{model}")
    if exact is not None:
        return exact
    return next((spec for spec in catalogue.values() if spec.kind == kind and model in spec.snapshots), None)


def _built_in(problems: list[str]) -> Layer:
    layer: dict[str, WrittenRow] = {}
    for file in sorted(resources.files(__name__).iterdir(), key=lambda file: file.name):
        if file.name.endswith(".yaml"):
            layer.update(written_rows(file.name, file.read_text(encoding="utf-8"), problems))
    return layer


def _layer(file: Traversable, problems: list[str]) -> Layer:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problems.append(f"{file}: cannot be read: {error}")
        return {}
    return written_rows(str(file), text, problems)


def _replacing(layer: Layer, below: Sequence[Layer]) -> Iterator[str]:
    taken = {name for rows in below for name in rows}
    for name, row in layer.items():
        if name in taken:
            yield f"{row.place}: there is a row of this name already, and a plugin's rows replace none"
