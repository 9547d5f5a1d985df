"""Where records come from, and how they are told apart."""

from typing import Annotated

from msgspec import Meta, Struct, field

from imageway.sdk.pipeline.data.config import DiskSource, HfSource
from imageway.sdk.pipeline.data.sinks import Sink
from imageway.sdk.pipeline.schema.models import Name

__all__ = ("DataConfig", "DiskSource")


class DataConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The task's records. Without a source they are empty ones, as many as are asked for."""

    source: DiskSource | HfSource | list[DiskSource | HfSource] | None = None
    sink: Annotated[Sink | list[Sink] | None, Meta(description="Further files that the rows are written to.")] = None
    id_column: Annotated[Name | None, Meta(description="The column with the record's id; `id` unless told.")] = None
    allow_hosts: Annotated[
        list[Name],
        Meta(description="Hosts that pictures may be fetched from though their addresses aren't public."),
    ] = field(default_factory=list)
    resumable: Annotated[bool | None, Meta(description="Without effect: a rerun does what is missing, always.")] = None
