"""Prometheus metrics: an observer that counts, and the page that Prometheus reads."""

import asyncio
import platform
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, time
from functools import lru_cache
from itertools import zip_longest

from msgspec import UnsetType
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder
from typing_extensions import override

from imageway.contract.result import TokenDetails, Usage
from imageway.contract.version import __version__
from imageway.gateway.drain import Drain
from imageway.gateway.engine.events import (
    AttemptFinished,
    BreakerChanged,
    BreakerState,
    ConfigurationReloaded,
    Observer,
    RequestFinished,
    RequestReplayed,
    StoreFailed,
    TargetPassedOver,
    TargetRested,
)
from imageway.gateway.telemetry.families import Families
from imageway.gateway.telemetry.outcomes import KEYED_OUTCOMES, idempotency_outcome
from imageway.gateway.telemetry.tally import Tally
from imageway.providers.registry import Registry

__all__ = ("Metrics",)

_UNKNOWN = "unknown"
_OTHER = "other"
_LONGEST_EXEMPLAR = 128 - len("request_id") - len("trace_id") - 32
_BREAKER: dict[BreakerState, int] = {"closed": 0, "half_open": 1, "open": 2}
_FILES = frozenset(("image", "mask", "markup", "model"))


class Metrics(Observer):
    """Counts what it hears. *trace_id* gives the current trace's, for exemplars, or nothing.

    A request's id stands in the exemplars of its times, which Prometheus asks for as OpenMetrics. What many calls count
    stands in `tally` until the page is written.
    """

    def __init__(self, *, trace_id: Callable[[], str] = str) -> None:
        self._registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self._registry)
        self.families = Families(self._registry)
        self.families.build.labels(__version__, platform.python_version()).set(1)
        for outcome in KEYED_OUTCOMES:
            self.families.keyed.labels(outcome)
        for outcome in ("used", "refused"):
            self.families.reloads.labels(outcome)
        self.tally = Tally()
        self._trace_id = trace_id
        self._targets: set[tuple[str, str]] = set()
        self._models: frozenset[str] = frozenset()
        self._params: frozenset[str] = _FILES
        self._refreshing: list[Callable[[], Awaitable[None]]] = []
        self._request = lru_cache(maxsize=4096)(self._request_children)
        self._attempt = lru_cache(maxsize=4096)(self._attempt_children)
        self._images = lru_cache(maxsize=4096)(self.families.images.labels)
        self._tokens = lru_cache(maxsize=4096)(self.families.tokens.labels)
        self._cost = lru_cache(maxsize=4096)(self.families.cost.labels)
        self._estimated = lru_cache(maxsize=4096)(self.families.cost_estimated.labels)

    @override
    def configured(self, registry: Registry) -> None:
        """Begin, or go on, with the targets of *registry*: those that are gone have no gauges any more."""
        families = self.families
        families.shutdown.clear()
        targets = {
            (target.provider_name, target.upstream_model) for model in registry.models for target in model.targets
        }
        for gone in self._targets - targets:
            families.breaker_state.remove(*gone)
        for new in targets - self._targets:
            families.breaker_state.labels(*new).set(_BREAKER["closed"])
        self._targets = targets
        for model in registry.models:
            for target in model.targets:
                last = target.spec.lifecycle.shutdown_date
                if last is not None and target.dated:
                    ends = datetime.combine(last, time(), UTC).timestamp()
                    families.shutdown.labels(model.name, target.provider_name, target.upstream_model).set(ends)
        self._models = frozenset(registry.contracts)
        self._params = _FILES.union(
            *(
                operation.params
                for contract in registry.contracts.values()
                for operation in contract.operations.values()
            )
        )

    def watch(self, drain: Drain) -> None:
        """Tell of the end that *drain* knows."""
        self.families.draining.set_function(lambda: float(drain.begun))
        counted = 0

        async def refresh() -> None:
            nonlocal counted
            counted, late = drain.refused, drain.refused - counted
            self.families.late_calls.inc(late)

        self.before_page(refresh)

    @override
    def configuration_reloaded(self, event: ConfigurationReloaded) -> None:
        self.families.reloads.labels("used" if event.used else "refused").inc()
        self.families.reload_failed.set(not event.used)

    def before_page(self, refresh: Callable[[], Awaitable[None]]) -> None:
        """Have *refresh* awaited each time before the page is written."""
        self._refreshing.append(refresh)

    async def page(self, accept: str) -> tuple[bytes, str]:
        """The page and its content type: OpenMetrics, with exemplars, for those who *accept* it."""
        for refresh in self._refreshing:
            await refresh()
        self.tally.settle()
        encode, content_type = choose_encoder(accept)
        return await asyncio.to_thread(encode, self._registry), content_type

    @override
    def attempt_finished(self, event: AttemptFinished) -> None:
        attempts, seconds = self._attempt(event.provider, event.upstream_model, event.model, event.code)
        self.tally.add(attempts)
        seconds.observe(event.seconds, self._exemplar(event.request_id))
        families = self.families
        if event.followed_by == "retry":
            families.retries.labels(event.provider, event.upstream_model, event.code).inc()
        elif event.followed_by == "fallback":
            families.fallbacks.labels(event.provider, event.upstream_model, event.code).inc()
        if event.may_have_billed:
            families.doubtful.labels(event.provider, event.upstream_model).inc()

    @override
    def target_passed_over(self, event: TargetPassedOver) -> None:
        self.families.passed_over.labels(event.provider, event.upstream_model, event.reason).inc()

    @override
    def breaker_changed(self, event: BreakerChanged) -> None:
        if (event.provider, event.upstream_model) in self._targets:
            self.families.breaker_state.labels(event.provider, event.upstream_model).set(_BREAKER[event.state])

    @override
    def target_rested(self, event: TargetRested) -> None:
        self.families.rests.labels(event.provider, event.upstream_model).inc()

    @override
    def request_finished(self, event: RequestFinished) -> None:
        families, key = self.families, event.key
        model = event.model if event.model in self._models else _UNKNOWN
        operation, add = event.operation.value, self.tally.add
        requests, seconds, overhead, upstream = self._request(operation, model, key, event.code)
        exemplar = self._exemplar(event.request_id)
        add(requests)
        seconds.observe(event.seconds, exemplar)
        overhead.observe(max(0.0, event.seconds - event.upstream_seconds - event.wait_seconds), exemplar)
        if event.attempts:
            upstream.observe(event.upstream_seconds, exemplar)
        if event.wait_seconds:
            families.wait_seconds.labels(operation, model).observe(event.wait_seconds, exemplar)
        if event.first_picture_seconds is not None:
            first = families.first_picture_seconds.labels(operation, model)
            first.observe(event.first_picture_seconds, exemplar)
        if event.images:
            add(self._images(operation, model, key), event.images)
        if event.code == "ok" and event.images < event.asked_images:
            families.short_answers.labels(operation, model, key).inc()
        if event.usage is not None:
            self._count_tokens(model, key, event.usage)
        if event.provider is not None:
            if event.cost_usd:
                add(self._cost(model, key, event.provider), float(event.cost_usd))
            if event.estimated_usd:
                add(self._estimated(model, key, event.provider), float(event.estimated_usd))
        for fault, param in zip_longest(event.faults, event.fault_params, fillvalue=""):
            families.violations.labels(model, self._param(param), fault).inc()
        for rule in event.translated:
            families.translations.labels(model, rule).inc()
        if event.limit is not None:
            families.limit_refusals.labels(key, event.limit).inc()
        if event.keyed:
            families.keyed.labels(idempotency_outcome(event.code)).inc()

    @override
    def store_failed(self, event: StoreFailed) -> None:
        self.families.store_failures.labels(event.store, "refused" if event.refused else "uncounted").inc()

    @override
    def request_replayed(self, event: RequestReplayed) -> None:
        self.families.keyed.labels("joined" if event.joined else "replayed").inc()

    def _exemplar(self, request_id: str) -> dict[str, str] | None:
        if len(request_id) > _LONGEST_EXEMPLAR:
            return None
        trace_id = self._trace_id()
        return {"request_id": request_id, "trace_id": trace_id} if trace_id else {"request_id": request_id}

    def _param(self, param: str) -> str:
        """*param* where a model has it; callers' own words would make series without end."""
        plain = param.partition("[")[0].partition(".")[0]
        return plain if plain in self._params else _OTHER

    def _request_children(self, operation: str, model: str, key: str, code: str):  # type: ignore[no-untyped-def]  # noqa: ANN202
        families = self.families
        return (
            families.requests.labels(operation, model, key, code),
            families.request_seconds.labels(operation, model),
            families.overhead_seconds.labels(operation, model),
            families.upstream_seconds.labels(operation, model),
        )

    def _attempt_children(self, provider: str, upstream_model: str, model: str, code: str):  # type: ignore[no-untyped-def]  # noqa: ANN202
        families = self.families
        return (
            families.attempts.labels(provider, upstream_model, model, code),
            families.attempt_seconds.labels(provider, upstream_model),
        )

    def _count_tokens(self, model: str, key: str, usage: Usage) -> None:
        sides: Iterable[tuple[str, int, TokenDetails | UnsetType]] = (
            ("input", usage.input_tokens, usage.input_tokens_details),
            ("output", usage.output_tokens, usage.output_tokens_details),
        )
        for direction, total, details in sides:
            text, image = (0, 0) if isinstance(details, UnsetType) else (details.text_tokens, details.image_tokens)
            split = (("text", text), ("image", image), ("unspecified", total - text - image))
            for modality, count in split:
                if count > 0:
                    self.tally.add(self._tokens(model, key, direction, modality), count)
