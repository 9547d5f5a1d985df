"""An upstream that takes calls in and keeps them waiting until it is told to answer."""

import asyncio
import threading
from typing import Any

from fakes.upstream import Upstream


class HoldingUpstream:
    """`arrived(n)` waits until *n* calls are here; `release()` has all of them answered, those to come too."""

    def __init__(self) -> None:
        self.upstream = Upstream()
        self._arrivals = threading.Semaphore(0)
        self._released = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self._loop = asyncio.get_running_loop()
        self._arrivals.release()
        await self._released.wait()
        await self.upstream(scope, receive, send)

    def arrived(self, n: int) -> None:
        for _ in range(n):
            assert self._arrivals.acquire(timeout=20), "a call did not arrive"

    def release(self) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._released.set)
