"""Logs: one canonical line of JSON per request on standard error. Of prompts and pictures it has measures only."""

import logging
import sys
from collections.abc import Callable, Mapping
from typing import Any, Literal, TextIO

import msgspec
import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import FilteringBoundLogger
from typing_extensions import override

from imageway.contract.errors import ErrorCode, reaction
from imageway.gateway.engine.events import (
    AttemptFinished,
    BreakerChanged,
    Observer,
    RequestFinished,
    RequestReplayed,
    StoreFailed,
    TargetRested,
)
from imageway.gateway.telemetry.outcomes import idempotency_outcome
from imageway.providers.registry import Registry

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
            structlog.processors.JSONRenderer(serializer=_json),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
    ).bind()  # what isn't bound yet is built anew for each line
    return bound


def _json(line: Any, default: Callable[[Any], Any], **_: Any) -> str:  # noqa: ANN401  # as structlog calls it
    return msgspec.json.encode(line, enc_hook=default).decode()


class LogObserver(Observer):
    """An observer that writes one line per request, per attempt that failed, and per target that is left alone or not.

    *trace_id* gives the current trace's, or nothing. Vendors' own sentences aren't logged: they may quote the prompt.
    """

    def __init__(self, log: FilteringBoundLogger, *, trace_id: Callable[[], str] = str) -> None:
        self._log = log
        self._trace_id = trace_id
        self._contracts: Mapping[str, str] = {}
        self._attempts: dict[object, list[AttemptFinished]] = {}

    @override
    def configured(self, registry: Registry) -> None:
        """Know the contracts of *registry* from now on."""
        self._contracts = {name: contract.name for name, contract in registry.contracts.items()}

    @override
    def attempt_finished(self, event: AttemptFinished) -> None:
        self._attempts.setdefault(event.call, []).append(event)
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
                seconds=_rounded(event.seconds),
                upstream_request_id=event.upstream_request_id,
                followed_by=event.followed_by,
                may_have_billed=event.may_have_billed,
            )

    @override
    def breaker_changed(self, event: BreakerChanged) -> None:
        self._log.log(
            logging.WARNING if event.state == "open" else logging.INFO,
            "breaker.changed",
            provider=event.provider,
            upstream_model=event.upstream_model,
            state=event.state,
            code=event.code,
            open_seconds=_rounded(event.seconds),
        )

    @override
    def target_rested(self, event: TargetRested) -> None:
        self._log.info(
            "target.rested",
            provider=event.provider,
            upstream_model=event.upstream_model,
            seconds=_rounded(event.seconds),
        )

    @override
    def store_failed(self, event: StoreFailed) -> None:
        self._log.warning(
            "store.failed", store=event.store, calls="refused" if event.refused else "uncounted", error=event.error
        )

    @override
    def request_finished(self, event: RequestFinished) -> None:
        attempts = self._attempts.pop(event.call, [])
        own_s = event.seconds - event.upstream_seconds - event.wait_seconds
        line = {
            "request_id": event.request_id,
            "upstream_request_id": attempts[-1].upstream_request_id if attempts else None,
            "key": event.key,
            "operation": event.operation,
            "model": event.model,
            "contract": self._contracts.get(event.model or ""),
            "provider": event.provider,
            "upstream_model": event.upstream_model,
            "code": event.code,
            "status": _status(event.code),
            "attempts": event.attempts,
            "seconds": _rounded(event.seconds),
            "upstream_seconds": _rounded(event.upstream_seconds),
            "own_seconds": _rounded(own_s),
            "images": event.images,
            "asked_images": event.asked_images,
            "prompt_chars": event.prompt_chars,
            "prompt_sha256": event.prompt_sha256 or None,
            "cost_usd": None if event.cost_usd is None else float(event.cost_usd),
        }
        said = {
            "earlier_attempts": [f"{made.provider}/{made.upstream_model} {made.code}" for made in attempts[:-1]],
            "wait_seconds": _rounded(event.wait_seconds),
            "first_picture_seconds": _rounded(event.first_picture_seconds or 0),
            "image_bytes": event.image_bytes,
            "stream": event.streamed,
            "pictures_in": msgspec.to_builtins(event.pictures_in),
            "faults": [
                f"{param[:_LONGEST_PARAM]}: {fault}"
                for param, fault in zip(event.fault_params, event.faults, strict=False)
            ],
            "limit": event.limit,
            "translated": list(event.translated),
            "may_have_billed": any(made.may_have_billed for made in attempts),
            "idempotency": idempotency_outcome(event.code) if event.keyed else None,
            "input_tokens": event.usage.input_tokens if event.usage else None,
            "output_tokens": event.usage.output_tokens if event.usage else None,
            "trace_id": self._trace_id(),
        }
        self._log.log(
            _LEVELS[_level(event.code)],
            "request.finished",
            **line,
            **{name: told for name, told in said.items() if told},
        )

    @override
    def request_replayed(self, event: RequestReplayed) -> None:
        self._log.info(
            "request.replayed",
            request_id=event.request_id,
            operation=event.operation.value,
            model=event.model,
            key=event.key,
            idempotency="joined" if event.joined else "replayed",
        )


_LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


_CODES = frozenset(code.value for code in ErrorCode)
_LONGEST_PARAM = 64
_CLIENT_LEFT = 499


def _rounded(seconds: float) -> float:
    return round(seconds * 10_000) / 10_000  # several times as fast as rounding to digits


def _status(code: str) -> int:
    if code in _CODES:
        return reaction(ErrorCode(code)).status
    return 200 if code == "ok" else _CLIENT_LEFT


def _level(code: str) -> Literal["info", "warning", "error"]:
    return reaction(ErrorCode(code)).level if code in _CODES else "info"
