"""`/healthz`, `/readyz` and `/metrics`."""

from typing import Any

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler

from imageway.gateway.drain import Drain
from imageway.gateway.generation import Current
from imageway.gateway.telemetry.metrics import Metrics

__all__ = ("health_routes", "metrics_route")


def health_routes(drain: Drain, current: Current) -> list[HTTPRouteHandler]:
    """Liveness and readiness. Nobody is asked for either: what callers' calls have shown of the targets is enough."""

    @get("/healthz", media_type="text/plain")
    async def healthz() -> str:
        return "ok\n"

    @get("/readyz", media_type="text/plain")
    async def readyz() -> Response[str]:
        if drain.begun:
            return Response("draining\n", status_code=503)
        unserved = current.now.engine.unserved()
        if unserved:
            return Response(f"no target can serve: {', '.join(unserved)}\n", status_code=503)
        return Response("ready\n")

    return [healthz, readyz]


def metrics_route(metrics: Metrics) -> HTTPRouteHandler:
    """The page that Prometheus reads."""

    @get("/metrics")
    async def metrics_page(request: Request[Any, Any, Any]) -> Response[bytes]:
        content, content_type = await metrics.page(request.headers.get("accept", ""))
        return Response(content, headers={"content-type": content_type})

    return metrics_page
