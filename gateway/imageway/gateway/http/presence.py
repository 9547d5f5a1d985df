"""Work for a caller who may hang up: nobody draws for nobody."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from imageway.contract.errors import ErrorCode, ImageError

__all__ = ("while_there",)

T = TypeVar("T")


async def while_there(receive: Callable[[], Awaitable[Any]], working: Awaitable[T]) -> T:
    """What comes of *working*, which is cancelled where the caller hangs up before it is done."""
    work = asyncio.ensure_future(working)
    leaving = asyncio.ensure_future(_gone(receive))
    try:
        await asyncio.wait((work, leaving), return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            return await work
        work.cancel()
        await asyncio.wait((work,))
        raise ImageError(ErrorCode.INVALID_REQUEST, "The caller hung up before the picture was there.")
    finally:
        for task in (work, leaving):
            task.cancel()
        await asyncio.wait((work, leaving))


async def _gone(receive: Callable[[], Awaitable[Any]]) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
