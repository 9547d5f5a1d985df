"""Threads that work off what is handed to them, and tell nobody of its end."""

import atexit
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
    whoever hands one in sees to it that its end is told. Leaving waits for all that was handed in, and so does the end
    of a program that never left.
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
        atexit.unregister(self.close)  # only now: a wait that was cut short is taken up again at the program's end

    def _start(self) -> None:
        with self._starting:
            if self._threads or self._closed:
                return
            atexit.register(self.close)  # those that began last are closed first: they may need the others
            self._threads = self._started()

    def _started(self) -> list[threading.Thread]:
        """As many as the system lets start. Raises `RuntimeError` where that is none."""
        threads: list[threading.Thread] = []
        for number in range(self._count):
            # Python waits for other than daemons before it runs what is registered for its end.
            thread = threading.Thread(target=self._work, name=f"{self._name}_{number}", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                if not threads:
                    raise
                log.warning("%s: there are threads for %d of %d", self._name, len(threads), self._count)
                break
            threads.append(thread)
        return threads

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job()
            except BaseException:
                log.exception("%s: a job failed without telling", self._name)
            del job  # it may hold a picture, and the next one may be long in coming
