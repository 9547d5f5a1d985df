"""Threads that work off what is handed to them, and tell nobody of its end."""

import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue
from types import TracebackType
from typing import Self

__all__ = ("Hands",)

log = logging.getLogger(__name__)


class Hands:
    """*count* threads called *name*, which begin with the first job.

    An executor makes a future with a lock of its own for each job, which takes as long as a small job does; here
    whoever hands one in sees to it that its end is told. Leaving waits for all that was handed in.
    """

    def __init__(self, count: int, name: str) -> None:
        self._count = count
        self._name = name
        self._jobs: SimpleQueue[Callable[[], object] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._starting = threading.Lock()
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def hand(self, job: Callable[[], object]) -> None:
        """Have *job* done; it tells of its own failures. From any thread. Raises `RuntimeError` once all is closed."""
        if not self._threads:
            self._start()
        if self._closed:
            raise RuntimeError(f"{self._name} takes no more jobs")
        self._jobs.put(job)

    def close(self) -> None:
        self._closed = True
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def _start(self) -> None:
        with self._starting:
            if not self._threads and not self._closed:
                threads = [
                    threading.Thread(target=self._work, name=f"{self._name}_{number}") for number in range(self._count)
                ]
                for thread in threads:
                    thread.start()
                self._threads = threads

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job()
            except Exception:
                log.exception("%s: a job failed without telling", self._name)
