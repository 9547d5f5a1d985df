"""`/healthz`, `/readyz` and `/metrics`."""

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from imageway.gateway.telemetry.metrics import Metrics

__all__ = ("health_routes",)


def health_routes(metrics: Metrics) -> list[HTTPRouteHandler]:
    """Liveness, readiness and the page that Prometheus reads."""

    @get("/healthz", media_type="text/plain")
    async def healthz() -> str:
        return "ok\n"

    @get("/readyz", media_type="text/plain")
    async def readyz() -> str:
        return "ready\n"

    @get("/metrics")
    async def metrics_page() -> Response[bytes]:
        return Response(metrics.page(), headers={"content-type": metrics.content_type})

    return [healthz, readyz, metrics_page]
