"""The options of `sketch`: none is needed, all are rehearsals of a service's bad days."""

from typing import Annotated

from msgspec import Meta, Struct

__all__ = ("SketchConfig",)

_Count = Annotated[int, Meta(ge=0)]


class SketchConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`delay_s` is waited before every answer.

    Every Nth call of this provider is answered with a fault, 0 for never: `throttle_every` with rate_limited,
    `refuse_every` with content_rejected, `break_every` with upstream_unavailable that may have been billed. Where
    several are due, the first in this order is raised.
    """

    delay_s: Annotated[float, Meta(ge=0)] = 0.0
    throttle_every: _Count = 0
    refuse_every: _Count = 0
    break_every: _Count = 0
