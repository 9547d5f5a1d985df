"""`/healthz`, `/readyz` and `/metrics`."""

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from imageway.gateway.drain import Drain
from imageway.gateway.telemetry.metrics import Metrics

__all__ = ("health_routes", "metrics_route")


def health_routes(drain: Drain) -> list[HTTPRouteHandler]:
    """Liveness and readiness."""

    @get("/healthz", media_type="text/plain")
    async def healthz() -> str:
        return "ok\n"

    @get("/readyz", media_type="text/plain")
    async def readyz() -> Response[str]:
        if drain.begun:
            return Response("draining\n", status_code=503)
        return Response("ready\n")

    return [healthz, readyz]


def metrics_route(metrics: Metrics) -> HTTPRouteHandler:
    """The page that Prometheus reads."""

    @get("/metrics")
    async def metrics_page() -> Response[bytes]:
        return Response(metrics.page(), headers={"content-type": metrics.content_type})

    return metrics_page
