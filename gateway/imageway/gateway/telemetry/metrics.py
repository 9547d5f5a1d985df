"""Prometheus metrics. Labels come from the configuration and from closed sets, never from callers."""

from prometheus_client import CollectorRegistry, Counter, GCCollector, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from typing_extensions import override

from imageway.gateway.engine.events import AttemptFinished, Observer, RequestFinished, StoreFailed

__all__ = ("Metrics",)

_SECONDS = (0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640)
_UNKNOWN = "unknown"


class Metrics(Observer):
    """An observer that counts, and the page that Prometheus reads."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)
        self._registry = registry
        self._requests = Counter(
            "imageway_requests",
            "Image requests by their end: ok, or the error's code.",
            ("operation", "model", "code"),
            registry=registry,
        )
        self._request_seconds = Histogram(
            "imageway_request_seconds",
            "From the decoded request to its answer.",
            ("operation", "model"),
            buckets=_SECONDS,
            registry=registry,
        )
        self._overhead_seconds = Histogram(
            "imageway_overhead_seconds",
            "The part of a request that no target is to blame for.",
            ("operation", "model"),
            buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1),
            registry=registry,
        )
        self._attempts = Counter(
            "imageway_attempts",
            "Calls to targets by their end.",
            ("provider", "model", "code"),
            registry=registry,
        )
        self._attempt_seconds = Histogram(
            "imageway_attempt_seconds", "Calls to targets.", ("provider", "model"), buckets=_SECONDS, registry=registry
        )
        self._images = Counter("imageway_images", "Pictures handed out.", ("operation", "model"), registry=registry)
        self._cost = Counter(
            "imageway_cost_usd", "What upstream calls came to, where it is known.", ("model",), registry=registry
        )
        self._violations = Counter(
            "imageway_violations",
            "Faults found before anything was sent, by the vendor's word for them.",
            ("model", "fault"),
            registry=registry,
        )

        self._store_failures = Counter(
            "imageway_store_failures",
            "Times that limits or budgets couldn't be looked up: calls were refused, or passed uncounted.",
            ("store", "calls"),
            registry=registry,
        )

    @override
    def store_failed(self, event: StoreFailed) -> None:
        self._store_failures.labels(event.store, "refused" if event.refused else "uncounted").inc()

    @override
    def attempt_finished(self, event: AttemptFinished) -> None:
        self._attempts.labels(event.provider, event.model, event.code).inc()
        self._attempt_seconds.labels(event.provider, event.model).observe(event.seconds)

    @override
    def request_finished(self, event: RequestFinished) -> None:
        operation, model = event.operation.value, event.model or _UNKNOWN
        self._requests.labels(operation, model, event.code).inc()
        self._request_seconds.labels(operation, model).observe(event.seconds)
        self._overhead_seconds.labels(operation, model).observe(event.seconds - event.upstream_seconds)
        if event.images:
            self._images.labels(operation, model).inc(event.images)
        if event.cost_usd:
            self._cost.labels(model).inc(float(event.cost_usd))
        for fault in event.faults:
            self._violations.labels(model, fault).inc()

    def page(self) -> bytes:
        return generate_latest(self._registry)
