"""Traces: a span for each call, one below it for each attempt, the caller's context in and on to the vendor.

Only a gateway with `traces` in its configuration imports this module, and the library of the extra `otel` with it.
Names are those of OpenTelemetry's conventions for generative AI where there are any.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue
from typing_extensions import override

from imageway.contract.version import __version__
from imageway.gateway.engine.events import AttemptFinished, AttemptStarted, Observer, RequestFinished
from imageway.gateway.settings.traces import TraceSettings
from imageway.providers.outgoing import outgoing_headers
from imageway.providers.registry import Registry

__all__ = ("Traces",)

_OPERATIONS = ("generations", "edits", "variations")
_CONTEXT = TraceContextTextMapPropagator()
_VENDORS = {"openai": "openai", "azure": "azure.ai.openai"}
_FIRST_SERVER_FAULT = 500


class Traces(Observer):
    """Spans of everything that is called here, sent in batches by a thread of its own."""

    def __init__(self, settings: TraceSettings) -> None:
        resource = Resource.create({"service.name": settings.service_name, "service.version": __version__})
        sampler = ParentBased(TraceIdRatioBased(settings.sample))
        self._provider = TracerProvider(resource=resource, sampler=sampler, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=settings.endpoint)))
        self._tracer = self._provider.get_tracer("imageway.gateway", __version__)
        self._attempts: dict[tuple[object, int], Span] = {}
        self._vendors: dict[tuple[str, str], str] = {}

    async def aclose(self) -> None:
        """Send what is left, and stop."""
        await asyncio.to_thread(self._provider.shutdown)

    def trace_id(self) -> str:
        """The current trace's id, in hexadecimal; empty outside one that is sent."""
        context = trace.get_current_span().get_span_context()
        return trace.format_trace_id(context.trace_id) if context.trace_flags.sampled else ""

    def around(self, app: ASGIApp) -> ASGIApp:
        """*app* with a span around each call."""

        async def traced(scope: Scope, receive: Receive, send: Send) -> None:
            operation = scope["path"].rpartition("/")[2]
            if scope["type"] != ScopeType.HTTP or operation not in _OPERATIONS:
                await app(scope, receive, send)
                return
            headers = {
                name.decode("latin-1"): value.decode("latin-1")
                for name, value in scope["headers"]
                if name in (b"traceparent", b"tracestate")
            }
            attributes = {"http.request.method": scope["method"], "url.path": scope["path"]}
            with self._tracer.start_as_current_span(
                f"{scope['method']} images/{operation}",
                context=_CONTEXT.extract(headers),
                kind=SpanKind.SERVER,
                attributes=attributes,
                record_exception=False,  # its message may hold what a caller sent
            ) as span:
                await app(scope, receive, _noting_status(span, send))

        return traced

    @override
    def configured(self, registry: Registry) -> None:
        self._vendors = {
            (target.provider_name, target.upstream_model): _VENDORS.get(target.spec.kind, target.spec.kind)
            for model in registry.models
            for target in model.targets
        }

    @override
    def attempt_started(self, event: AttemptStarted) -> None:
        span = self._tracer.start_span(
            f"generate_content {event.upstream_model}",
            kind=SpanKind.CLIENT,
            attributes={
                **self._common(event.provider, event.upstream_model),
                "gen_ai.request.model": event.upstream_model,
                "imageway.attempt": event.attempt,
            },
        )
        self._attempts[event.call, event.attempt] = span
        carried: dict[str, str] = {}
        _CONTEXT.inject(carried, context=trace.set_span_in_context(span))
        outgoing_headers.set(carried)

    @override
    def attempt_finished(self, event: AttemptFinished) -> None:
        outgoing_headers.set({})
        span = self._attempts.pop((event.call, event.attempt))
        span.set_attribute("imageway.followed_by", event.followed_by)
        if event.upstream_request_id is not None:
            span.set_attribute("imageway.upstream_request_id", event.upstream_request_id)
        if event.may_have_billed:
            span.set_attribute("imageway.may_have_billed", value=True)
        _failed(span, event.code)
        span.end()

    @override
    def request_finished(self, event: RequestFinished) -> None:
        span = trace.get_current_span()
        if not span.is_recording():
            return  # its caller has left, or somebody else's draws
        told: dict[str, AttributeValue | None] = {
            "gen_ai.request.model": event.model,
            "gen_ai.request.choice.count": event.asked_images,
            "gen_ai.usage.input_tokens": event.usage.input_tokens if event.usage else None,
            "gen_ai.usage.output_tokens": event.usage.output_tokens if event.usage else None,
            "imageway.request_id": event.request_id,
            "imageway.operation": event.operation.value,
            "imageway.key": event.key,
            "imageway.attempts": event.attempts,
            "imageway.images": event.images,
            "imageway.cost_usd": None if event.cost_usd is None else float(event.cost_usd),
            "imageway.translated": event.translated or None,
        }
        if event.provider is not None and event.upstream_model is not None:
            told |= self._common(event.provider, event.upstream_model)
        span.set_attributes({name: value for name, value in told.items() if value is not None})
        if event.model is not None:
            span.update_name(f"generate_content {event.model}")
        _failed(span, event.code)

    def _common(self, provider: str, upstream_model: str) -> dict[str, AttributeValue]:
        return {
            "gen_ai.operation.name": "generate_content",
            "gen_ai.output.type": "image",
            "gen_ai.provider.name": self._vendors.get((provider, upstream_model), "unknown"),
            "imageway.provider": provider,
        }


def _failed(span: Span, code: str) -> None:
    if code != "ok":
        span.set_attribute("error.type", code)
        span.set_status(Status(StatusCode.ERROR))


def _noting_status(span: Span, send: Send) -> Callable[[Message], Awaitable[None]]:
    async def noting(message: Any) -> None:  # noqa: ANN401  # Litestar has a type for each message
        if message["type"] == "http.response.start":
            span.set_attribute("http.response.status_code", message["status"])
            if message["status"] >= _FIRST_SERVER_FAULT:
                span.set_status(Status(StatusCode.ERROR))
        await send(message)

    return noting
