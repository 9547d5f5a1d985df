"""The end of a gateway's life: it stops being ready, then takes no new calls, and finishes those that it has."""

import asyncio

__all__ = ("Drain",)


class Drain:
    """How far a gateway is on its way out; whoever answers for its readiness and its calls looks here.

    `begun` makes it unready, while calls still get in: those who send them need a moment to notice. `closed` lets no
    more in. `cut` says that time was up for those in flight. `refused` counts calls that came too late.
    """

    def __init__(self) -> None:
        self.begun = False
        self.closed = False
        self.cut = False
        self.refused = 0
        self._deadline_s: float | None = None
        self._held: set[asyncio.Task[object]] = set()
        self._changed = asyncio.Event()

    @property
    def in_flight(self) -> int:
        return len(self._held)

    def begin(self) -> None:
        self.begun = True

    def close(self) -> None:
        self.begun = self.closed = True

    def enter(self) -> asyncio.Task[object]:
        """The call that the current task is begins: the end waits for it, until the task has left."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a call runs in a task")
        self._held.add(task)
        return task

    def leave(self, task: asyncio.Task[object]) -> None:
        self._held.discard(task)
        self._changed.set()

    def left_s(self) -> float | None:
        """What is left of the time of `finished`, which has begun; None where nobody is in a hurry."""
        if self._deadline_s is None:
            return None
        return max(0.0, self._deadline_s - asyncio.get_running_loop().time())

    async def finished(self, within_s: float) -> bool:
        """Wait for calls in flight, *within_s* seconds at most. Then the rest is cut: cancelled, and waited for."""
        self._deadline_s = asyncio.get_running_loop().time() + within_s
        try:
            async with asyncio.timeout(within_s):
                await self._empty()
        except TimeoutError:
            self.cut = True
            for task in self._held:
                task.cancel()
            await self._empty()
        return not self.cut

    async def _empty(self) -> None:
        while self._held:
            self._changed.clear()
            await self._changed.wait()
