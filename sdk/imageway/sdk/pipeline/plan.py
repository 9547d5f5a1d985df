"""What a task comes down to once its files are read: nodes, the ways between them, and the columns to write."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, TypeAlias

from msgspec import Struct

from imageway.contract.request import JsonValue
from imageway.sdk.pipeline.data.kinds import Data, DataFile

__all__ = (
    "Attribute",
    "ChatMessage",
    "DataFile",
    "Endpoint",
    "Hook",
    "ImageNode",
    "ImagePart",
    "LambdaNode",
    "MaskPart",
    "MultiNode",
    "Node",
    "OnViolation",
    "OutputColumn",
    "Part",
    "Passage",
    "Plan",
    "SamplerNode",
    "TextNode",
    "TextPart",
    "Way",
    "calls_of",
    "writes_of",
)


class TextPart(Struct, frozen=True, kw_only=True):
    """A piece of prompt text, a template."""

    template: str


class ImagePart(Struct, frozen=True, kw_only=True):
    """A picture of the prompt: `{field}`, or a path or data URL as it stands."""

    template: str


class MaskPart(Struct, frozen=True, kw_only=True):
    """The mask of an edit, beside its prompt: as an `ImagePart`, and one picture."""

    template: str


Part: TypeAlias = TextPart | ImagePart | MaskPart


class Hook:
    """Code of the task's own: how the task names it, and what is called. As text it is the path, with *version*."""

    __slots__ = ("call", "path", "version")

    def __init__(self, *, path: str, call: Callable[..., Any], version: str = "") -> None:
        self.path = path
        self.call = call
        self.version = version

    def __repr__(self) -> str:  # type: ignore[explicit-override]  # typing.override is Python 3.12's
        return f"{self.path}#{self.version}"


OnViolation: TypeAlias = Literal["error", "fix", "skip"]
"""What becomes of a request beyond its model: the record fails, the request is mended, which is told, or the record is
left out."""


class ImageNode(Struct, frozen=True, kw_only=True):
    """One image call per record.

    `model` is the name that the gateway knows. `parts` are those of all messages, in their order, and a mask last;
    texts are joined by a space. Texts within `params` are templates. `output_key` is the field that the answer fills,
    and that files are called after; `further_keys` are others that `after` fills.
    """

    name: str
    model: str
    params: dict[str, JsonValue]
    parts: tuple[Part, ...]
    output_key: str
    further_keys: tuple[str, ...] = ()
    before: Hook | None = None
    after: Hook | None = None
    on_violation: OnViolation | None = None


class Endpoint(Struct, frozen=True, kw_only=True):
    """A chat endpoint: its base URL, up to and with `/v1`, and its key as a reference."""

    url: str
    key: str | None = None
    timeout_s: float = 120.0


class ChatMessage(Struct, frozen=True, kw_only=True):
    """A message of a text node's prompt."""

    role: str
    parts: tuple[TextPart | ImagePart, ...]


class TextNode(Struct, frozen=True, kw_only=True):
    """One chat completion per record; as an `ImageNode` else."""

    name: str
    model: str
    endpoint: Endpoint
    params: dict[str, JsonValue]
    messages: tuple[ChatMessage, ...]
    output_key: str
    further_keys: tuple[str, ...] = ()
    before: Hook | None = None
    after: Hook | None = None

    @property
    def parts(self) -> tuple[TextPart | ImagePart, ...]:
        return tuple(part for message in self.messages for part in message.parts)


class MultiNode(Struct, frozen=True, kw_only=True):
    """Calls of several models side by side, by label; their own hooks and `output_key` aren't the node's."""

    name: str
    members: dict[str, ImageNode | TextNode]
    output_key: str
    further_keys: tuple[str, ...] = ()
    before: Hook | None = None
    after: Hook | None = None


class LambdaNode(Struct, frozen=True, kw_only=True):
    """A function of the task's own, which may set the fields `outputs`; `config` is the node as it is written."""

    name: str
    function: Hook
    config: dict[str, JsonValue]
    outputs: tuple[str, ...] = ()


class Attribute(Struct, frozen=True, kw_only=True):
    """A field that is drawn by lot, from values that have weights."""

    name: str
    values: tuple[JsonValue, ...]
    weights: tuple[float, ...]


class SamplerNode(Struct, frozen=True, kw_only=True):
    """Fields drawn by lot."""

    name: str
    attributes: tuple[Attribute, ...]


class Passage(Struct, frozen=True, kw_only=True):
    """Where a subgraph begins or ends; nothing happens there."""

    name: str


Node: TypeAlias = ImageNode | TextNode | MultiNode | LambdaNode | SamplerNode | Passage


class Way(Struct, frozen=True, kw_only=True):
    """A way from the node `source`: to the only one of `targets`, or to the one under the condition's answer."""

    source: str
    targets: dict[str, str]
    condition: Hook | None = None


class OutputColumn(Struct, frozen=True, kw_only=True):
    """A column of the output: the state variable `source`, or where that is None the constant `value`.

    `transform` makes of it what is written, from the value and the state.
    """

    name: str
    source: str | None = None
    value: JsonValue = None
    transform: Hook | None = None


class Plan(Struct, frozen=True, kw_only=True):
    """A checked task.

    `ways` lead from START over the nodes to END; without any the nodes come one after the other. `folder` is where the
    task's YAML lies, and `files` are the YAML files that it was read from. `columns` is None where the task has no
    `output_map`: the whole state is written then, or what `generate` makes of it. `schema` raises for a finished state
    that isn't as it must be. `allowed_hosts` are fetched from though they aren't public. `sinks` are further files of
    the rows, relative to the output folder. `notes` are sentences to be told once.
    """

    name: str
    folder: Path
    data: Data
    nodes: tuple[Node, ...]
    ways: tuple[Way, ...] = ()
    max_rounds: int = 100
    id_column: str | None = None
    columns: tuple[OutputColumn, ...] | None = None
    generate: Hook | None = None
    schema: Hook | None = None
    allowed_hosts: tuple[str, ...] = ()
    on_violation: OnViolation = "error"
    sinks: tuple[Path, ...] = ()
    files: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def image_nodes(self) -> tuple[ImageNode, ...]:
        """Every node that draws, those within others included."""
        return tuple(call for node in self.nodes for call in calls_of(node) if isinstance(call, ImageNode))

    @property
    def outputs(self) -> tuple[str, ...]:
        """The fields that nodes fill, each once."""
        return tuple(dict.fromkeys(key for node in self.nodes for key in writes_of(node)))


def calls_of(node: Node) -> Iterator[ImageNode | TextNode]:
    """The calls of models that *node* makes."""
    match node:
        case ImageNode() | TextNode():
            yield node
        case MultiNode(members=members):
            yield from members.values()
        case _:
            return


def writes_of(node: Node) -> tuple[str, ...]:
    """The state's fields that *node* may fill."""
    match node:
        case ImageNode() | TextNode() | MultiNode():
            return (node.output_key, *node.further_keys)
        case LambdaNode(outputs=outputs):
            return outputs
        case SamplerNode(attributes=attributes):
            return tuple(attribute.name for attribute in attributes)
        case Passage():
            return ()
