"""Telling observers, so that what goes wrong with one touches nothing else."""

import logging
from collections.abc import Callable, Sequence

from imageway.gateway.engine.events import Observer

__all__ = ("Observers",)

_log = logging.getLogger(__name__)


class Observers:
    """Everybody who listens."""

    def __init__(self, observers: Sequence[Observer] = ()) -> None:
        self._observers = tuple(observers)

    def tell(self, told: Callable[[Observer], None]) -> None:
        """Do *told* to each; what one raises is logged."""
        for observer in self._observers:
            try:
                told(observer)
            except Exception:  # noqa: BLE001  # an observer must not touch the request, whatever it does
                _log.exception("observer.failed")
