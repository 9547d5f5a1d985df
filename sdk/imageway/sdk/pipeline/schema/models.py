"""Models as a task names them: rows of the models file, and a node's own words over them."""

from typing import Annotated, Any, Literal, TypeAlias

from msgspec import UNSET, Meta, Struct, field

__all__ = ("HINTS", "TEXT_HINTS", "ModelRow", "Name", "NodeModel")

Name: TypeAlias = Annotated[str, Meta(min_length=1)]
_Ignored: TypeAlias = Annotated[Any, Meta(description="Read and without effect: the gateway's business.")]


class ModelRow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row of the models file: an alias, and what stands for it."""

    model: Annotated[Name | None, Meta(description="The model's name at the gateway; the alias unless told.")] = None
    output_type: Annotated[
        Literal["image", "text", "audio"] | None,
        Meta(description="What the model answers with. A model of the catalogue's answers with an image unless told."),
    ] = None
    parameters: Annotated[
        dict[str, Any],
        Meta(description="Parameters of the Images API, or of chat completions. `{field}` in one is the record's."),
    ] = field(default_factory=dict)
    url: Annotated[
        str | list[str] | None,
        Meta(description="The base URL of a chat endpoint, for text; `env:NAME` refers to the environment."),
    ] = None
    auth_token: Annotated[
        str | list[str] | None,
        Meta(description="The chat endpoint's key, as a reference: `env:NAME` or `file:PATH`."),
    ] = None
    timeout: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        Meta(description="How many seconds a chat endpoint may be silent; 120 unless told."),
    ] = None
    input_type: Annotated[
        Literal["image", "text"] | None, Meta(description="Without effect: the prompt says what goes in.")
    ] = None
    model_type: _Ignored = UNSET
    api_version: _Ignored = UNSET
    backend: _Ignored = UNSET
    delay: _Ignored = UNSET
    retry_attempts: _Ignored = UNSET
    load_balancing: _Ignored = UNSET
    stats_interval: _Ignored = UNSET
    max_retries: _Ignored = UNSET
    ssl_verify: _Ignored = UNSET
    ssl_cert: _Ignored = UNSET
    image_capabilities: _Ignored = UNSET


class NodeModel(ModelRow, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A node's model: the row that `name` refers to, and what stands here over it."""

    name: Annotated[
        Name | None, Meta(description="An alias of the models file, or a model's own name at the gateway.")
    ] = None


HINTS = {
    "input_type": "the prompt says what goes in",
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
"""Keys of an image model that are read and change nothing, each with the reason."""

TEXT_HINTS = {
    "input_type": "the prompt says what goes in",
    "model_type": "every chat endpoint is spoken to as OpenAI's is",
    "api_version": "every chat endpoint is spoken to as OpenAI's is",
    "backend": "there is one way to call a chat endpoint",
    "delay": "the endpoint sets the pace",
    "retry_attempts": "what the endpoint refuses for now is sent again when it says, and nothing else is",
    "load_balancing": "there is one endpoint",
    "stats_interval": "there are no statistics of models",
    "max_retries": "what the endpoint refuses for now is sent again when it says, and nothing else is",
    "image_capabilities": "this model answers with text",
}
"""The same for a model that answers with text."""
