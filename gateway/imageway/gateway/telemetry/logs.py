"""Logs: one canonical line of JSON per request on standard error. Prompts and pictures appear by length only."""

import logging
import sys
from typing import Literal, TextIO

import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import FilteringBoundLogger
from typing_extensions import override

from imageway.contract.errors import ErrorCode, reaction
from imageway.gateway.engine.events import AttemptFinished, Observer, RequestFinished, RequestReplayed, StoreFailed

__all__ = ("LogObserver", "logger")


def logger(stream: TextIO | None = None, level: int = logging.INFO) -> FilteringBoundLogger:
    """A logger of JSON lines to *stream*, standard error by default; nothing global is configured."""
    bound: FilteringBoundLogger = structlog.wrap_logger(
        structlog.WriteLogger(stream or sys.stderr),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            # Without locals: they hold prompts and keys.
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
    )
    return bound


class LogObserver(Observer):
    """An observer that writes one line per request, and one per attempt that failed."""

    def __init__(self, log: FilteringBoundLogger) -> None:
        self._log = log

    @override
    def attempt_finished(self, event: AttemptFinished) -> None:
        if event.code != "ok":
            self._log.log(
                _LEVELS[_level(event.code)],
                "attempt.failed",
                request_id=event.request_id,
                model=event.model,
                provider=event.provider,
                upstream_model=event.upstream_model,
                attempt=event.attempt,
                code=event.code,
                seconds=round(event.seconds, 4),
                upstream_request_id=event.upstream_request_id,
            )

    @override
    def store_failed(self, event: StoreFailed) -> None:
        self._log.warning(
            "store.failed", store=event.store, calls="refused" if event.refused else "uncounted", error=event.error
        )

    @override
    def request_finished(self, event: RequestFinished) -> None:
        self._log.log(
            _LEVELS[_level(event.code)],
            "request.finished",
            request_id=event.request_id,
            operation=event.operation.value,
            model=event.model,
            provider=event.provider,
            code=event.code,
            seconds=round(event.seconds, 4),
            upstream_seconds=round(event.upstream_seconds, 4),
            attempts=event.attempts,
            images=event.images,
            asked_images=event.asked_images,
            prompt_chars=event.prompt_chars,
            input_images=event.input_images,
            input_bytes=event.input_bytes,
            faults=list(event.faults),
            key=event.key,
            cost_usd=None if event.cost_usd is None else float(event.cost_usd),
            translated=list(event.translated),
        )

    @override
    def request_replayed(self, event: RequestReplayed) -> None:
        self._log.info(
            "request.replayed",
            request_id=event.request_id,
            operation=event.operation.value,
            model=event.model,
            key=event.key,
        )


_LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def _level(code: str) -> Literal["info", "warning", "error"]:
    return reaction(ErrorCode(code)).level if code in set(ErrorCode) else "info"
