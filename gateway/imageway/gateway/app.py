"""The composition root: settings in, ASGI application out. The only module that knows every part."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import date

from litestar import Litestar
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from structlog.typing import FilteringBoundLogger

from imageway.contract.errors import ImageError
from imageway.gateway.assembly import assemble
from imageway.gateway.engine.engine import Engine
from imageway.gateway.http.errors import answer_error, answer_http_exception, answer_unexpected
from imageway.gateway.http.health import health_routes
from imageway.gateway.http.images import image_routes
from imageway.gateway.http.models import model_routes
from imageway.gateway.notices import log_notices
from imageway.gateway.settings import Settings
from imageway.gateway.telemetry.logs import LogObserver, logger
from imageway.gateway.telemetry.metrics import Metrics
from imageway.providers.registry import utc_today

__all__ = ("create_app",)


def create_app(
    settings: Settings, *, log: FilteringBoundLogger | None = None, today: Callable[[], date] | None = None
) -> Litestar:
    """The gateway that *settings* describe; *today* tells the day in UTC. Raises `SettingsError` with every problem.

    Providers are closed when the application's lifespan ends.
    """
    log = log or logger()
    today = today or utc_today
    assembly = assemble(settings, today=today)
    metrics = Metrics()
    engine = Engine(assembly.registry, default_model=settings.default_model, observers=(metrics, LogObserver(log)))

    @asynccontextmanager
    async def providers_open(_: Litestar) -> AsyncIterator[None]:
        log_notices(log, assembly.registry, today())
        try:
            yield
        finally:
            await assembly.aclose()

    return Litestar(
        route_handlers=[
            *image_routes(
                engine,
                default_model=settings.default_model,
                max_json_bytes=settings.server.max_json_bytes,
                max_upload_bytes=settings.server.max_upload_bytes,
                max_input_pixels=settings.server.max_input_pixels,
            ),
            *model_routes(assembly.registry),
            *health_routes(metrics),
        ],
        exception_handlers={
            ImageError: answer_error,
            HTTPException: answer_http_exception,
            Exception: answer_unexpected,
        },
        lifespan=[providers_open],
        logging_config=None,
        openapi_config=None,
        state=State({"log": log}),
    )
