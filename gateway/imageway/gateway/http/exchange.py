"""What one HTTP exchange holds until its answer is out: its place among the calls in flight, room for its bodies."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from litestar import Request
from litestar.types import ASGIApp, Receive, Scope, Send

from imageway.contract.errors import ErrorCode, ImageError

__all__ = ("CallsInFlight", "exchange", "exchanging")

_KEY = "imageway_exchange"


def exchanging(app: ASGIApp) -> ASGIApp:
    """Middleware that gives each exchange a stack, which is closed when the answer is out or nobody waits for it."""

    async def exchanged(scope: Scope, receive: Receive, send: Send) -> None:
        with ExitStack() as stack:
            scope.setdefault("state", {})[_KEY] = stack
            await app(scope, receive, send)

    return exchanged


def exchange(request: Request[Any, Any, Any]) -> ExitStack:
    stack: ExitStack = request.scope["state"][_KEY]
    return stack


class CallsInFlight:
    """Counts calls up to *most*, from before their bodies are read until their answers are out."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._now = 0

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Raises `ImageError` (rate_limited) where there are too many already."""
        if self._now >= self._most:
            raise ImageError(
                ErrorCode.RATE_LIMITED,
                f"This gateway has {self._most} calls in flight, which is its limit; nothing was sent. Try again.",
                upstream_type="server_error",
                upstream_code="server_is_overloaded",
                retry_after_s=1,
            )
        self._now += 1
        try:
            yield
        finally:
            self._now -= 1
