"""`traces:`, where spans are sent."""

from typing import Annotated

from msgspec import Meta, Struct

__all__ = ("TraceSettings",)


class TraceSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Spans by OTLP over HTTP, in protobuf.

    `endpoint` is the whole address, `/v1/traces` included; left out, it is what OpenTelemetry's own environment
    variables say, as is everything else. `sample` is the share of traces that begin here; those
    that callers began go by their word.
    """

    endpoint: Annotated[str, Meta(pattern=r"^https?://[^\s]+$")] | None = None
    service_name: Annotated[str, Meta(min_length=1)] = "imageway"
    sample: Annotated[float, Meta(ge=0, le=1)] = 1.0
