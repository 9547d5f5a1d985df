"""Bodies as they arrive: counted against a limit before they are read, and never waited for without end."""

import asyncio
from collections.abc import Callable
from typing import Any

from litestar import Request
from litestar.exceptions import HTTPException

from imageway.contract.errors import ErrorCode, ImageError
from imageway.gateway.spool import Pocket, Spool, unwritable

__all__ = ("announced_bytes", "take_body", "whole_body")

_SMALL_BYTES = 16_384
"""What isn't counted: as many bytes as the head of a request may have."""

_GRACE_S = 30.0
_LEAST_BYTES_PER_S = 16_384
"""What a body must keep up on the average."""


def announced_bytes(request: Request[Any, Any, Any], max_bytes: int) -> int:
    """How much *request* says that it brings, 0 where it doesn't say.

    Raises `ImageError` (payload_too_large) for more than *max_bytes*: nothing is read of such a body.
    """
    text = request.headers.get("content-length", "0")
    announced = int(text) if text.isascii() and text.isdigit() else 0
    if announced > max_bytes:
        raise _too_large()
    return announced


async def take_body(
    request: Request[Any, Any, Any], max_bytes: int, take: Callable[[bytes], object], *, grace_s: float = _GRACE_S
) -> None:
    """Have *take* take the body of *request*, in the pieces in which it comes, none of them empty.

    Raises `ImageError` where it outgrows *max_bytes* or its sender leaves, and `HTTPException` (408) where that one is
    too slow: after *grace_s* seconds it must have kept up a pace.
    """
    received = 0
    loop = asyncio.get_running_loop()
    started = loop.time()
    try:
        async with asyncio.timeout(grace_s) as patience:
            while True:
                message = await request.receive()
                if message["type"] != "http.request":
                    raise ImageError(ErrorCode.INVALID_REQUEST, "The caller hung up before the request was here.")
                chunk = message.get("body", b"")
                received += len(chunk)
                if received > max_bytes:
                    raise _too_large()
                if chunk:
                    take(chunk)
                if not message.get("more_body", False):
                    return
                patience.reschedule(started + grace_s + received / _LEAST_BYTES_PER_S)
    except TimeoutError as error:
        raise HTTPException(
            status_code=408, detail=f"The body came too slowly: less than {_LEAST_BYTES_PER_S} bytes a second."
        ) from error


async def whole_body(request: Request[Any, Any, Any], spool: Spool, max_bytes: int, *, times: int = 1) -> bytes:
    """The body of *request* in memory, while it is read within the bounds of *spool*.

    Raises `ImageError` like `take_body`, and where there is no room, or the disk refuses.
    *times* is how often what is made of it is as large as the body itself.
    """
    announced = announced_bytes(request, max_bytes)
    if 0 < announced <= _SMALL_BYTES:
        pieces: list[bytes] = []
        await take_body(request, announced, pieces.append)
        return b"".join(pieces)
    pocket: Pocket = spool.pocket(times * announced)
    try:
        await take_body(request, max_bytes, pocket.write)
        return b"".join(pocket.chunks(0, pocket.size))
    except OSError as error:
        raise unwritable(error) from error
    finally:
        pocket.close()


def _too_large() -> ImageError:
    return ImageError(ErrorCode.PAYLOAD_TOO_LARGE, "The body is larger than this gateway takes.")
