"""A store without which calls pass: it is told of when it fails, and then left alone for a while."""

import time
from collections.abc import Callable

from imageway.gateway.engine.events import Store, StoreFailed
from imageway.gateway.engine.observers import Observers

__all__ = ("Missable",)

_PAUSE_S = 1.0
"""So that not every call waits for a Redis that doesn't answer."""


class Missable:
    """Whether *store* can be asked; *clock_s* counts seconds."""

    def __init__(
        self, store: Store, observers: Observers | None = None, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._store: Store = store
        self._observers = observers or Observers()
        self._clock_s = clock_s
        self._missing_until_s = 0.0

    @property
    def there(self) -> bool:
        return self._clock_s() >= self._missing_until_s

    def failed(self, error: Exception) -> None:
        self._missing_until_s = self._clock_s() + _PAUSE_S
        event = StoreFailed(store=self._store, refused=False, error=type(error).__name__)
        self._observers.tell(lambda observer: observer.store_failed(event))
