"""The kinds of nodes that a graph may have."""

from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta, Struct, field

from imageway.sdk.pipeline.data.config import DiskSource, HfSource
from imageway.sdk.pipeline.schema.models import Name, NodeModel

__all__ = (
    "Attribute",
    "ColumnValues",
    "Content",
    "ImageContent",
    "ImageLink",
    "LambdaNode",
    "LlmNode",
    "Message",
    "MultiLlmNode",
    "Node",
    "Path",
    "PromptNode",
    "SamplerNode",
    "SubgraphNode",
    "TextContent",
)

Path: TypeAlias = Annotated[
    str, Meta(min_length=1, description="A dotted path to a function or a class, such as `task_executor.Choose`.")
]
_Keys: TypeAlias = Annotated[
    Name | Annotated[list[Name], Meta(min_length=1)],
    Meta(description="The state's fields that this node fills. Several need a `post_process` that fills them."),
]
_State: TypeAlias = Annotated[
    Literal["active", "idle"], Meta(description="An idle node stays out of the graph; no edge may touch it.")
]
_Title: TypeAlias = Annotated[str | None, Meta(description="A name for people; without effect.")]


class TextContent(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="text"):
    """A piece of text in a prompt."""

    text: Annotated[str, Meta(description="A template: `{field}` is the record's value.")]


class ImageLink(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A picture as OpenAI's chat dialect writes it."""

    url: Name


class ImageContent(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="image_url"):
    """A picture in a prompt: `{field}` with a path, a data URL or a list of those, or one of them as it stands."""

    image_url: Name | ImageLink


Content: TypeAlias = str | list[TextContent | ImageContent]


class Message(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A message of a prompt: exactly one of the three."""

    system: Content | None = None
    user: Content | None = None
    assistant: Content | None = None


_Prompt: TypeAlias = Annotated[
    list[Message],
    Meta(min_length=1, description="Messages. For an image all their texts are joined by a space, in their order."),
]


_Mask: TypeAlias = Annotated[
    Name | None,
    Meta(description="Where an edit may change its first picture: one picture of its size, as `image_url` names one."),
]

_OnViolation: TypeAlias = Annotated[
    Literal["error", "fix", "skip"] | None,
    Meta(
        description="What becomes of a record whose request is beyond the model: it fails (`error`), the request is"
        " mended and that is told (`fix`), or it is left out (`skip`). The task's unless told."
    ),
]


class LlmNode(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="node_type", tag="llm"):
    """A call of a model: an image drawn or edited, or a text written."""

    model: NodeModel
    prompt: _Prompt
    output_keys: _Keys
    pre_process: Annotated[
        Path | None, Meta(description="Makes of the state the one that the prompt is filled from: `f(state)`.")
    ] = None
    post_process: Annotated[
        Path | None, Meta(description="Makes of the answer what `output_keys` get: `f(answer, state)` or `f(answer)`.")
    ] = None
    mask: _Mask = None
    on_violation: _OnViolation = None
    node_state: _State = "active"
    node_name: _Title = None


class MultiLlmNode(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="node_type", tag="multi_llm"
):
    """One prompt for several models, called side by side; the answers are a mapping by label."""

    models: Annotated[dict[Name, NodeModel], Meta(min_length=1, description="The models by label.")]
    prompt: _Prompt
    output_keys: _Keys
    pre_process: Annotated[Path | None, Meta(description="As for an `llm` node.")] = None
    multi_llm_post_process: Annotated[
        Path | None, Meta(description="Makes of the answers, a mapping by label, what `output_keys` get.")
    ] = None
    post_process: Annotated[Path | None, Meta(description="The same as `multi_llm_post_process`.")] = None
    mask: _Mask = None
    on_violation: _OnViolation = None
    node_state: _State = "active"
    node_name: _Title = None


class LambdaNode(Struct, frozen=True, kw_only=True, tag_field="node_type", tag="lambda"):
    """A function of the task's own: `f(config, state)`, or a class with `apply`. Further keys are in its `config`."""

    lambda_: Path = field(name="lambda")
    function_type: Annotated[
        Literal["sync", "async"] | None, Meta(description="Without effect: the function itself tells.")
    ] = None
    output_keys: Annotated[
        Name | list[Name] | None, Meta(description="The state's fields that the function may set.")
    ] = None
    node_state: _State = "active"
    node_name: _Title = None


class ColumnValues(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Values to draw from: a column of a data source."""

    column: Annotated[Name | Annotated[list[Name], Meta(min_length=1)], Meta(description="One, or one of several.")]
    source: DiskSource | HfSource


class Attribute(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A field that is drawn by lot."""

    values: Annotated[list[Any], Meta(min_length=1)] | ColumnValues
    weights: Annotated[
        list[Annotated[float, Meta(ge=0)]] | None, Meta(description="As many as values; equal unless told.")
    ] = None


class SamplerNode(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="node_type", tag="weighted_sampler"
):
    """Fields drawn by lot: the same for a record in every run of the same seed."""

    attributes: Annotated[dict[Name, Attribute], Meta(min_length=1)]
    node_state: _State = "active"
    node_name: _Title = None


class SubgraphNode(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="node_type", tag="subgraph"
):
    """Another task's graph in this one's place. Its fields are in the same state; its nodes are called `this.that`."""

    subgraph: Annotated[
        Name, Meta(description="The other task: a path, or a dotted path, from here or a folder above.")
    ]
    node_config_map: Annotated[
        dict[Name, dict[str, Any]],
        Meta(description="By node of the subgraph: keys over its own, and `prompt_placeholder_map: {its: ours}`."),
    ] = field(default_factory=dict)
    node_state: _State = "active"
    node_name: _Title = None


PromptNode: TypeAlias = LlmNode | MultiLlmNode
Node: TypeAlias = LlmNode | MultiLlmNode | LambdaNode | SamplerNode | SubgraphNode
