"""Where records come from."""

from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta, Struct, field

from imageway.sdk.pipeline.schema.models import Name

__all__ = ("DataConfig", "DiskSource", "Source", "Transformation")


class Transformation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A change of all records before the first is run."""

    transform: Annotated[
        Name,
        Meta(description="A dotted path to a class with `transform(records, params)`; some of SyGra's are built in."),
    ]
    params: dict[str, Any] = field(default_factory=dict)


class DiskSource(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of records."""

    type: Literal["disk"]
    file_path: Annotated[Name, Meta(description="Relative to the task's file first, then to the working directory.")]
    encoding: Name = "utf-8"
    file_format: str | None = None


Source: TypeAlias = DiskSource


class DataConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The task's records."""

    source: Source
    id_column: Annotated[Name | None, Meta(description="The column with the record's id; `id` unless told.")] = None
    resumable: Annotated[bool | None, Meta(description="Without effect: a rerun does what is missing, always.")] = None
