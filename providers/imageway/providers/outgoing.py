"""Headers that whoever has a call made wants to go out with it, such as a trace's context."""

from collections.abc import Mapping
from contextvars import ContextVar
from types import MappingProxyType

__all__ = ("outgoing_headers",)

outgoing_headers: ContextVar[Mapping[str, str]] = ContextVar("outgoing_headers", default=MappingProxyType({}))
"""Set in the task that makes the call; HTTP providers send them. Names are in lower case."""
