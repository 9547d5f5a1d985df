"""What a task's files may say today, as Structs that the YAML is decoded into; see `sygra` for what comes later."""

from typing import Annotated, Any, Literal, TypeAlias

from msgspec import UNSET, Meta, Struct, field

__all__ = (
    "HINTS",
    "Edge",
    "ImageContent",
    "ImageLink",
    "LlmNode",
    "Message",
    "ModelRow",
    "NodeModel",
    "OutputField",
    "Task",
    "TextContent",
)

Name: TypeAlias = Annotated[str, Meta(min_length=1)]


class ModelRow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row of the models file. All but `model`, `output_type` and `parameters` are hints; see `HINTS`."""

    model: Name | None = None
    output_type: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    model_type: Any = UNSET
    api_version: Any = UNSET
    url: Any = UNSET
    auth_token: Any = UNSET
    backend: Any = UNSET
    delay: Any = UNSET
    retry_attempts: Any = UNSET
    load_balancing: Any = UNSET
    stats_interval: Any = UNSET
    timeout: Any = UNSET
    max_retries: Any = UNSET
    ssl_verify: Any = UNSET
    ssl_cert: Any = UNSET
    image_capabilities: Any = UNSET


class NodeModel(ModelRow, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A node's `model`: the row that `name` refers to, and what stands here over it."""

    name: Name | None = None


HINTS = {
    "model_type": "the gateway owns connections",
    "api_version": "the gateway owns connections",
    "url": "the gateway owns connections",
    "auth_token": "the gateway owns connections",
    "backend": "the gateway owns connections",
    "delay": "the gateway sets the pace",
    "retry_attempts": "the gateway retries",
    "load_balancing": "the gateway chooses among connections",
    "stats_interval": "the gateway counts",
    "timeout": "the gateway sets deadlines",
    "max_retries": "the gateway retries",
    "ssl_verify": "the gateway owns connections",
    "ssl_cert": "the gateway owns connections",
    "image_capabilities": "the gateway knows the models' limits",
}
"""Keys of a model that are read and change nothing, each with the reason."""


class TextContent(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="text"):
    text: str


class ImageLink(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    url: Name


class ImageContent(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="image_url"):
    image_url: Name | ImageLink


Content: TypeAlias = str | list[TextContent | ImageContent]


class Message(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A message of a prompt: exactly one of the three."""

    system: Content | None = None
    user: Content | None = None
    assistant: Content | None = None


class LlmNode(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    node_type: Literal["llm"]
    model: NodeModel
    prompt: Annotated[list[Message], Meta(min_length=1)]
    output_keys: Name | Annotated[list[Name], Meta(min_length=1, max_length=1)]


class Edge(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    from_: Name = field(name="from")
    to: Name


class Source(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    type: Literal["disk"]
    file_path: Name
    encoding: Name = "utf-8"
    file_format: str | None = None


class DataConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    source: Source
    id_column: Name | None = None
    resumable: bool | None = None


class GraphConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    nodes: Annotated[dict[Name, LlmNode], Meta(min_length=1)]
    edges: list[Edge]


class OutputField(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A column of the output: exactly one of the two."""

    from_: Name | None = field(name="from", default=None)
    value: Any = UNSET


class OutputConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    output_map: Annotated[dict[str, OutputField], Meta(min_length=1)] | None = None


class Task(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A task file. Without an `output_map` the whole state of each record is written."""

    data_config: DataConfig
    graph_config: GraphConfig
    output_config: OutputConfig | None = None
