"""`/healthz`, `/readyz` and `/metrics`."""

from typing import Any

from litestar import Request, Response, route
from litestar.handlers import HTTPRouteHandler

from imageway.gateway.drain import Drain
from imageway.gateway.generation import Current
from imageway.gateway.http.reading import READING
from imageway.gateway.telemetry.metrics import Metrics

__all__ = ("health_routes", "metrics_route")


def health_routes(drain: Drain, current: Current) -> list[HTTPRouteHandler]:
    """Liveness and readiness. Nobody is asked for either: what callers' calls have shown of the targets is enough."""

    @route("/healthz", http_method=READING, status_code=200, media_type="text/plain")
    async def healthz() -> str:
        return "ok\n"

    @route("/readyz", http_method=READING, media_type="text/plain")
    async def readyz() -> Response[str]:
        if drain.begun:
            return Response("draining\n", status_code=503)
        generation = current.now
        unserved = generation.engine.unserved()
        if not unserved:
            return Response("ready\n")
        told = f"no target can serve: {', '.join(unserved)}\n"
        if generation.settings.server.ready_when == "any_model" and len(unserved) < len(
            generation.assembly.registry.models
        ):
            return Response(f"ready, but {told}")
        return Response(told, status_code=503)

    return [healthz, readyz]


def metrics_route(metrics: Metrics) -> HTTPRouteHandler:
    """The page that Prometheus reads."""

    @route("/metrics", http_method=READING)
    async def metrics_page(request: Request[Any, Any, Any]) -> Response[bytes]:
        content, content_type = await metrics.page(request.headers.get("accept", ""))
        return Response(content, headers={"content-type": content_type})

    return metrics_page
