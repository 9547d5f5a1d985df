"""What one HTTP exchange holds until its answer is out: its place among the calls in flight, room for its bodies."""

from collections.abc import Callable
from typing import Any

from litestar import Request
from litestar.types import ASGIApp, Receive, Scope, Send

from imageway.contract.errors import ErrorCode, ImageError

__all__ = ("CallsInFlight", "Exchange", "exchange", "exchanging")

_KEY = "imageway_exchange"


class Exchange:
    """What is to be done when an answer is out, or nobody waits for it."""

    def __init__(self) -> None:
        self._left: list[Callable[[], None]] = []

    def at_its_end(self, do: Callable[[], None]) -> None:
        self._left.append(do)

    def end(self) -> None:
        """Do it all, the latest first; whatever is raised keeps nothing else from being done."""
        if self._left:
            do = self._left.pop()
            try:
                do()
            finally:
                self.end()


def exchanging(app: ASGIApp) -> ASGIApp:
    """Middleware that gives each request its exchange."""

    async def exchanged(scope: Scope, receive: Receive, send: Send) -> None:
        state = scope.setdefault("state", {})
        state[_KEY] = began = Exchange()
        try:
            await app(scope, receive, send)
        finally:
            began.end()

    return exchanged


def exchange(request: Request[Any, Any, Any]) -> Exchange:
    found: Exchange = request.scope["state"][_KEY]
    return found


class CallsInFlight:
    """Counts calls up to *most*, from before their bodies are read until their answers are out; `refused` are more."""

    def __init__(self, most: int) -> None:
        self.refused = 0
        self._most = most
        self._now = 0

    def enter(self, call: Exchange) -> None:
        """Count *call* until its end. Raises `ImageError` (rate_limited) where there are too many already."""
        if self._now >= self._most:
            self.refused += 1
            raise ImageError(
                ErrorCode.RATE_LIMITED,
                f"This gateway has {self._most} calls in flight, which is its limit; nothing was sent. Try again.",
                upstream_type="server_error",
                upstream_code="server_is_overloaded",
                retry_after_s=1,
            )
        self._now += 1
        call.at_its_end(self._leave)

    def _leave(self) -> None:
        self._now -= 1
