"""Everybody who listens to the engine, built together: metrics, logs and, where they are asked for, traces."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from litestar.types import ASGIApp
from structlog.typing import FilteringBoundLogger

from imageway.gateway.drain import Drain
from imageway.gateway.engine.events import Observer
from imageway.gateway.settings import Settings
from imageway.gateway.telemetry.logs import LogObserver
from imageway.gateway.telemetry.metrics import Metrics
from imageway.gateway.telemetry.wire_meter import wire_meter
from imageway.providers.registry import Registry

if TYPE_CHECKING:
    from imageway.gateway.telemetry.traces import Traces

__all__ = ("Telemetry",)


class Telemetry:
    """`observers` of the engine, `middleware` around the calls, and `metrics` for their page."""

    def __init__(self, settings: Settings, log: FilteringBoundLogger, drain: Drain) -> None:
        self._traces = traces = _traces(settings)
        trace_id: Callable[[], str] = traces.trace_id if traces else str
        self.metrics = Metrics(trace_id=trace_id)
        self.metrics.watch(drain)
        logs = LogObserver(log, trace_id=trace_id)
        self.observers: tuple[Observer, ...] = (self.metrics, logs, traces) if traces else (self.metrics, logs)
        meter = wire_meter(self.metrics)
        self.middleware: tuple[Callable[[ASGIApp], ASGIApp], ...] = (meter, traces.around) if traces else (meter,)

    def configured(self, registry: Registry) -> None:
        """These are the models and targets, from now on."""
        for observer in self.observers:
            observer.configured(registry)

    async def aclose(self) -> None:
        """Send what is left."""
        if self._traces is not None:
            await self._traces.aclose()


def _traces(settings: Settings) -> "Traces | None":
    if settings.traces is None:
        return None
    from imageway.gateway.telemetry.traces import Traces  # a library that most gateways don't have

    return Traces(settings.traces)
