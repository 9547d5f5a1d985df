"""What modules and libraries say by way of Python's own `logging`, as lines of the gateway's log."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from structlog.typing import FilteringBoundLogger
from typing_extensions import override

__all__ = ("library_logs",)

_OURS = "imageway."


@contextmanager
def library_logs(log: FilteringBoundLogger) -> Iterator[None]:
    """While it lasts, warnings and worse go to *log*: a line of JSON each, with its traceback."""
    handler, root = _Handler(log), logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)


class _Handler(logging.Handler):
    def __init__(self, log: FilteringBoundLogger) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    @override
    def emit(self, record: logging.LogRecord) -> None:
        try:
            tell = self._log.error if record.levelno >= logging.ERROR else self._log.warning
            said = record.getMessage()
            if record.name.startswith(_OURS):
                tell(said, exc_info=record.exc_info)
            else:
                tell("library.said", library=record.name, said=said, exc_info=record.exc_info)
        except Exception:  # noqa: BLE001  # as handlers do: a log must not end what it tells of
            self.handleError(record)
