"""One configuration at work. Another may take its place, and its calls in flight go on until they are done."""

import asyncio
from types import TracebackType

from imageway.contract.errors import ErrorCode, ImageError
from imageway.gateway.access.callers import Callers
from imageway.gateway.assembly import Assembly
from imageway.gateway.engine.engine import Engine
from imageway.gateway.settings import Settings

__all__ = ("Current", "Generation")


class Generation:
    """What *settings* came to: who may call, and the engine with the providers behind it.

    Each call enters it: the providers stay open. Raises `ImageError` where they are closed already.
    """

    def __init__(self, settings: Settings, assembly: Assembly, callers: Callers, engine: Engine) -> None:
        self.settings = settings
        self.assembly = assembly
        self.callers = callers
        self.engine = engine
        self._calls = 0
        self._done = asyncio.Event()
        self._done.set()
        self._closed = False

    def __enter__(self) -> None:
        if self._closed:
            raise ImageError(
                ErrorCode.UPSTREAM_UNAVAILABLE,
                "The gateway's configuration changed before this call was sent; nothing was sent.",
                retry_after_s=1,
            )
        self._calls += 1
        self._done.clear()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._calls -= 1
        if not self._calls:
            self._done.set()

    async def close_when_done(self) -> None:
        """Wait for the calls that hold it, and close its providers."""
        await self._done.wait()
        await self.aclose()

    async def aclose(self) -> None:
        """Close its providers, whoever calls."""
        self._closed = True
        await self.assembly.aclose()


class Current:
    """The generation that new calls get."""

    def __init__(self, first: Generation) -> None:
        self.now = first
        self._retiring: set[asyncio.Task[None]] = set()

    def replace(self, following: Generation) -> None:
        """New calls get *following*; the one before closes its providers after its last call."""
        task = asyncio.create_task(self.now.close_when_done())
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)
        self.now = following

    async def aclose(self) -> None:
        """Close all that there are. Calls should be done by now: those that aren't lose their providers."""
        for task in self._retiring:
            task.cancel()
        await asyncio.gather(*self._retiring, return_exceptions=True)
        await self.now.aclose()
