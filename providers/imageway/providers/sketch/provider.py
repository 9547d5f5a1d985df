"""The provider itself: rehearsed faults and delays first, then a picture, drawn in a thread."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager

from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.request import ImageRequest
from imageway.contract.result import ImageResult
from imageway.contract.stream import ImageEvent, completed_events
from imageway.providers.sketch.config import SketchConfig
from imageway.providers.sketch.drawing import draw
from imageway.providers.sketch.previews import previews

__all__ = ("SketchProvider",)

_RETRY_AFTER_S = 1.0


class SketchProvider:
    """Draws offline and deterministically; every model name is welcome.

    Names that start with `dall-e` are answered as those models did: PNG only, a link (a data URL) unless base64 is
    asked for, no usage. All others are answered like the GPT image models.
    """

    def __init__(
        self,
        config: SketchConfig,
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._config = config
        self._sleep = sleep
        self._clock = clock
        self._calls = 0

    async def create(self, upstream_model: str, request: ImageRequest) -> ImageResult:
        """Draw *request*.

        Raises `ImageError` for a rehearsed fault, and for inputs that can't be opened.
        """
        self._calls += 1
        call = self._calls
        if self._config.delay_s:
            await self._sleep(self._config.delay_s)
        self._rehearse(call)
        return await asyncio.to_thread(draw, upstream_model, request, int(self._clock()))

    @asynccontextmanager
    async def stream(self, upstream_model: str, request: ImageRequest) -> AsyncIterator[AsyncIterator[ImageEvent]]:
        """Draw *request*, with the previews that it asks for; a delay is spread evenly over all events."""
        self._calls += 1
        self._rehearse(self._calls)
        async with aclosing(self._events(upstream_model, request)) as events:
            yield events

    async def _events(self, upstream_model: str, request: ImageRequest) -> AsyncGenerator[ImageEvent, None]:
        result = await asyncio.to_thread(draw, upstream_model, request, int(self._clock()))
        shown = await asyncio.to_thread(previews, upstream_model, request, result)
        events: tuple[ImageEvent, ...] = (*shown, *completed_events(result))
        for event in events:
            if self._config.delay_s:
                await self._sleep(self._config.delay_s / len(events))
            yield event

    async def aclose(self) -> None:
        """Nothing is open."""

    def _rehearse(self, call: int) -> None:
        config = self._config
        if _due(call, config.throttle_every):
            raise ImageError(
                ErrorCode.RATE_LIMITED,
                "Rehearsal: sketch throttles this call.",
                upstream_type="rate_limit_error",
                upstream_code="rate_limit_exceeded",
                retry_after_s=_RETRY_AFTER_S,
            )
        if _due(call, config.refuse_every):
            raise ImageError(
                ErrorCode.CONTENT_REJECTED,
                "Rehearsal: sketch's safety system refuses this request.",
                upstream_type="image_generation_user_error",
                upstream_code="moderation_blocked",
            )
        if _due(call, config.break_every):
            raise ImageError(
                ErrorCode.UPSTREAM_UNAVAILABLE,
                "Rehearsal: sketch breaks off this call.",
                upstream_type="server_error",
                may_have_billed=True,
            )


def _due(call: int, every: int) -> bool:
    return every > 0 and call % every == 0
