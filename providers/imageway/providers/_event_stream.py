"""Event streams of the Images API."""

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import aiohttp
import msgspec

from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.sse import EventTooLargeError, ServerSentEvent, SseDecoder
from imageway.contract.stream import CompletedImage, ImageEvent, completed_events, read_event
from imageway.providers._api_errors import from_stream_error, read_answer
from imageway.providers._carrier import read

__all__ = ("events_of",)

_LARGEST_EVENT_BYTES = 256 * 1024 * 1024


async def events_of(reply: aiohttp.ClientResponse, request_id: str | None) -> AsyncGenerator[ImageEvent, None]:
    """The pictures in *reply*; a server that doesn't stream has its plain answer shown as completed events.

    Raises `ImageError` for an error event, and where the stream ends without a completed picture.
    """
    begun = completed = False
    try:
        if not reply.headers.get("content-type", "").startswith("text/event-stream"):
            for event in completed_events(read_answer(await read(reply), reply.headers)):
                yield event
            return
        async for received in _received(reply):
            fault = _fault(received)
            if fault is not None:
                error = from_stream_error(fault, request_id)
                error.may_have_billed = error.may_have_billed or begun  # what was shown was drawn
                raise error
            shown = read_event(received)
            del received  # or it would be held while its picture goes out
            if shown is not None:
                begun = True
                completed = completed or isinstance(shown, CompletedImage)
                yield shown
    except (aiohttp.ClientError, OSError, EventTooLargeError) as error:
        if not completed:
            raise _broken_off(request_id, silent=isinstance(error, TimeoutError)) from error
    if not completed:
        raise _broken_off(request_id)


async def _received(reply: aiohttp.ClientResponse) -> AsyncIterator[ServerSentEvent]:
    """The events as they come; none is held here while it goes on its way."""
    decoder = SseDecoder(_LARGEST_EVENT_BYTES)
    async for chunk in reply.content.iter_any():
        found = deque(decoder.feed(chunk))
        while found:
            yield found.popleft()
    found = deque(decoder.close())
    while found:
        yield found.popleft()


def _fault(event: ServerSentEvent) -> Any:  # noqa: ANN401  # the body of an error, whatever it holds
    """The event's JSON where it is an error: by its name, or by an `error` object in data too short for a picture."""
    if event.type != "error" and len(event.data) > _LONGEST_FAULT:
        return None
    try:
        body = msgspec.json.decode(event.data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        body = {}
    if not isinstance(body, dict):
        return None
    flat = event.type == "error" or body.get("type") == "error"
    return body if flat or isinstance(body.get("error"), dict) else None


_LONGEST_FAULT = 65_536


def _broken_off(request_id: str | None, *, silent: bool = False) -> ImageError:
    return ImageError(
        ErrorCode.UPSTREAM_TIMEOUT if silent else ErrorCode.UPSTREAM_UNAVAILABLE,
        "The upstream fell silent in the middle of a stream."
        if silent
        else "The stream broke off before a picture was complete.",
        may_have_billed=True,
        upstream_request_id=request_id,
    )
