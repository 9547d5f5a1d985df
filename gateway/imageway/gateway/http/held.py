"""Which generation of the configuration answers a request: the one that was there when it came, to its last byte."""

from typing import Any

from litestar import Request
from litestar.types import ASGIApp, Receive, Scope, Send

from imageway.gateway.generation import Current, Generation

__all__ = ("generation_of", "holding")

_KEY = "imageway_generation"


def holding(current: Current) -> Any:  # noqa: ANN401  # Litestar's own type for it is a union of everything callable
    """Middleware that gives each request its generation, and keeps it until the answer is out."""

    def wrapped(app: ASGIApp) -> ASGIApp:
        async def held(scope: Scope, receive: Receive, send: Send) -> None:
            generation = current.now
            with generation:
                scope.setdefault("state", {})[_KEY] = generation
                await app(scope, receive, send)

        return held

    return wrapped


def generation_of(request: Request[Any, Any, Any]) -> Generation:
    generation: Generation = request.scope["state"][_KEY]
    return generation
