"""Where records come from, and how they are told apart."""

from typing import Annotated

from msgspec import Meta, Struct

from imageway.sdk.pipeline.data.config import DiskSource, HfSource
from imageway.sdk.pipeline.schema.models import Name

__all__ = ("DataConfig", "DiskSource")


class DataConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The task's records. Without a source they are empty ones, as many as are asked for."""

    source: DiskSource | HfSource | list[DiskSource | HfSource] | None = None
    id_column: Annotated[Name | None, Meta(description="The column with the record's id; `id` unless told.")] = None
    resumable: Annotated[bool | None, Meta(description="Without effect: a rerun does what is missing, always.")] = None
