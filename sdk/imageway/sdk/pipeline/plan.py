"""What a task comes down to once its files are read: nodes in the order to run them, and the columns to write."""

from pathlib import Path

from msgspec import Struct

from imageway.contract.request import JsonValue
from imageway.sdk.pipeline.data.kinds import Data, DataFile

__all__ = ("DataFile", "ImageNode", "ImagePart", "OutputColumn", "Plan", "TextPart")


class TextPart(Struct, frozen=True, kw_only=True):
    """A piece of prompt text, a template."""

    template: str


class ImagePart(Struct, frozen=True, kw_only=True):
    """A picture of the prompt: `{field}`, or a path or data URL as it stands."""

    template: str


class ImageNode(Struct, frozen=True, kw_only=True):
    """One image call per record.

    `model` is the name that the gateway knows. `parts` are those of all messages, in their order; texts are joined by a
    space. `after` names the nodes whose answers must be there first. `output_key` is the field that the answer fills.
    """

    name: str
    model: str
    params: dict[str, JsonValue]
    parts: tuple[TextPart | ImagePart, ...]
    output_key: str
    after: tuple[str, ...] = ()


class OutputColumn(Struct, frozen=True, kw_only=True):
    """A column of the output: the state variable `source`, or where that is None the constant `value`."""

    name: str
    source: str | None = None
    value: JsonValue = None


class Plan(Struct, frozen=True, kw_only=True):
    """A checked task. `nodes` are in an order in which each comes after those that it needs.

    `folder` is where the task's YAML lies. `columns` is None where the task has no `output_map`: the whole state is
    written then. `notes` are sentences to be told once.
    """

    name: str
    folder: Path
    data: Data
    nodes: tuple[ImageNode, ...]
    id_column: str | None = None
    columns: tuple[OutputColumn, ...] | None = None
    notes: tuple[str, ...] = ()
