"""A task's file as a whole."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, field

from imageway.sdk.pipeline.schema.data import DataConfig
from imageway.sdk.pipeline.schema.models import Name
from imageway.sdk.pipeline.schema.nodes import Node, Path

__all__ = (
    "Edge",
    "GraphConfig",
    "GraphProperties",
    "OutputConfig",
    "OutputField",
    "SchemaConfig",
    "SchemaField",
    "Task",
)


class Edge(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A way from one node to another, or with `condition` and `path_map` to one of several."""

    from_: Annotated[Name, Meta(description="`START` or a node.")] = field(name="from")
    to: Annotated[Name | None, Meta(description="A node or `END`.")] = None
    condition: Annotated[
        Path | None, Meta(description="Answers with a key of `path_map`: `f(state)`, or a class with `apply(state)`.")
    ] = None
    path_map: Annotated[
        Annotated[dict[str, Name], Meta(min_length=1)] | None,
        Meta(description="Where each answer of the condition leads."),
    ] = None


class GraphProperties(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What holds for the whole graph."""

    max_rounds: Annotated[
        int, Meta(ge=1, le=1000, description="How often a node may run for one record; the bound of loops.")
    ] = 100
    on_violation: Annotated[
        Literal["error", "fix", "skip"], Meta(description="What nodes do that don't say so themselves.")
    ] = "error"
    chat_conversation: Annotated[
        Literal["singleturn", "multiturn"] | None, Meta(description="Without effect: nodes have no conversations.")
    ] = None
    chat_history_window_size: Annotated[
        int | None, Meta(description="Without effect: nodes have no conversations.")
    ] = None


class GraphConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The nodes, and the ways between them from `START` to `END`."""

    nodes: Annotated[dict[Name, Node], Meta(min_length=1)]
    edges: list[Edge]
    graph_properties: GraphProperties = GraphProperties()


class OutputField(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A column of the output: exactly one of `from` and `value`."""

    from_: Annotated[Name | None, Meta(description="A field of the state.")] = field(name="from", default=None)
    value: Annotated[
        Any, Meta(description="The same in all rows. `$path.to[0].key` is what stands there in this file.")
    ] = UNSET
    transform: Annotated[
        Name | None, Meta(description="A method of the generator, `f(value, state)`, that makes the column's value.")
    ] = None


class OutputConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rows of the output. Without an `output_map` the whole state of each record is written."""

    output_map: Annotated[dict[str, OutputField], Meta(min_length=1)] | None = None
    generator: Annotated[
        Path | None,
        Meta(description="A class whose `generate(state)` makes the row, or whose methods are `transform`s."),
    ] = None
    oasst_mapper: Annotated[
        Any, Meta(description='Without effect where `required` is "no", and refused otherwise.')
    ] = UNSET


class SchemaField(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A field that the finished state must have."""

    name: Name
    type: Annotated[str, Meta(description="int, float, str, bool, list, dict, any; or list[int] and the like.")]
    is_greater_than: float | None = None
    is_less_than: float | None = None
    is_equal_to: Any = UNSET


class SchemaConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every finished record must be; exactly one of the two. One that isn't fails, and keeps its pictures."""

    schema: Annotated[Path | None, Meta(description="A class that raises when made of the state's fields.")] = None
    fields: Annotated[list[SchemaField], Meta(min_length=1)] | None = None


class Task(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A task: records, what is done with each, and what is written of it."""

    graph_config: GraphConfig
    data_config: DataConfig = DataConfig()
    output_config: OutputConfig | None = None
    schema_config: SchemaConfig | None = None
