"""Work for a caller who may hang up: nobody draws for nobody."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from imageway.contract.errors import ErrorCode, ImageError

__all__ = ("gone", "while_there")

T = TypeVar("T")


async def while_there(receive: Callable[[], Awaitable[Any]], working: Awaitable[T]) -> T:
    """What comes of *working*, which is cancelled where the caller hangs up before it is done."""
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("only a task can be left by its caller")
    left = done = False

    def leave(watching: asyncio.Future[None]) -> None:
        nonlocal left
        if not (done or watching.cancelled() or watching.exception()):
            left = True
            task.cancel()

    watching = asyncio.get_running_loop().create_task(gone(receive))
    watching.add_done_callback(leave)
    try:
        return await working
    except asyncio.CancelledError:
        if left and task.uncancel() == 0:
            raise ImageError(ErrorCode.INVALID_REQUEST, "The caller hung up before the picture was there.") from None
        raise
    finally:
        done = True
        watching.cancel()


async def gone(receive: Callable[[], Awaitable[Any]]) -> None:
    """Wait until the caller has hung up."""
    while (await receive())["type"] != "http.disconnect":
        continue
