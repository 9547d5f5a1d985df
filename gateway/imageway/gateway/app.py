"""The composition root: settings in, ASGI application out. The only module that knows every part."""

import asyncio
import os
import random
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from datetime import date
from time import perf_counter

from litestar import Litestar
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from structlog.typing import FilteringBoundLogger

from imageway.contract.document import Issue
from imageway.contract.errors import ImageError
from imageway.gateway.access.callers import Callers
from imageway.gateway.access.opening import Door
from imageway.gateway.assembly import Assembly, assemble
from imageway.gateway.drain import Drain
from imageway.gateway.engine.delivery import Delivery
from imageway.gateway.engine.engine import Engine
from imageway.gateway.engine.observers import Observers
from imageway.gateway.engine.pursuit import Sleep
from imageway.gateway.engine.traffic import Traffic
from imageway.gateway.generation import Current, Generation
from imageway.gateway.http.errors import answer_error, answer_http_exception, answer_unexpected
from imageway.gateway.http.exchange import CallsInFlight
from imageway.gateway.http.files import file_routes
from imageway.gateway.http.health import health_routes, metrics_route
from imageway.gateway.http.held import holding
from imageway.gateway.http.images import image_routes
from imageway.gateway.http.models import model_routes
from imageway.gateway.http.openapi import openapi_route
from imageway.gateway.http.readers import leaving_idle_readers
from imageway.gateway.http.ui import ui_routes
from imageway.gateway.ledger.keyed import KeyedCalls, keyed_calls
from imageway.gateway.ledger.opening import open_ledger
from imageway.gateway.ledger.protocol import LedgerError
from imageway.gateway.media.store import MediaStore, private_store
from imageway.gateway.notices import log_notices
from imageway.gateway.reload import Reloader, Source
from imageway.gateway.settings import Settings, SettingsError, is_loopback
from imageway.gateway.spool import Spool
from imageway.gateway.stores.place import StoreError
from imageway.gateway.telemetry.budget_gauges import BudgetGauges
from imageway.gateway.telemetry.logs import logger
from imageway.gateway.telemetry.room_gauges import RoomGauges
from imageway.gateway.telemetry.telemetry import Telemetry
from imageway.providers.registry import utc_today

__all__ = ("create_app",)


def create_app(
    settings: Settings,
    *,
    log: FilteringBoundLogger | None = None,
    today: Callable[[], date] = utc_today,
    data_links: bool = False,
    drain: Drain | None = None,
    clock_s: Callable[[], float] = perf_counter,
    sleep: Sleep = asyncio.sleep,
    draw: Callable[[], float] = random.random,
    source: Source | None = None,
) -> Litestar:
    """The gateway that *settings* describe; *today* tells the day in UTC. Raises `SettingsError` with every problem.

    Links to pictures lead to the configured store; on loopback there is one without a configuration. With *data_links*
    they carry the picture in themselves instead, for callers who get no second request through. *drain* tells how far
    the gateway is on its way out. *source* is where the settings came from; whenever it has changed, it is loaded anew.
    With a `metrics_port`, `state.beside` is the application to serve there. *clock_s* counts seconds, *sleep* waits
    between attempts, and *draw* shares calls among targets by chance; see `Engine`. Providers are closed when the
    application's lifespan ends.
    """
    log = log or logger()
    assembly = assemble(settings, today=today)
    drain = drain or Drain()
    telemetry = Telemetry(settings, log, drain)
    closing = ExitStack()
    media = assembly.media or (None if data_links else _media_on_loopback(settings, closing))
    spool, in_flight = _spool(settings, log), CallsInFlight(settings.server.max_calls_in_flight)
    observers = Observers(telemetry.observers)
    door = _door(settings, observers)
    traffic = Traffic(observers, clock_s)

    def built(settings: Settings, assembly: Assembly) -> Generation:
        callers = Callers(settings.keys, assembly.registry, door.tokens(settings.oidc), today=today)
        engine = Engine(
            assembly.registry,
            admission=door.admission,
            delivery=Delivery(media, spool, max_answer_bytes=settings.server.max_answer_bytes),
            observers=telemetry.observers,
            traffic=traffic,
            longest_call_s=settings.server.max_call_s,
            clock_s=clock_s,
            sleep=sleep,
            draw=draw,
        )
        return Generation(settings, assembly, callers, engine)

    current = Current(built(settings, assembly))
    telemetry.configured(assembly.registry)
    telemetry.metrics.before_page(
        BudgetGauges(telemetry.metrics.families, door.budgets, lambda: current.now.settings.keys).refresh
    )

    telemetry.metrics.before_page(RoomGauges(telemetry.metrics.families, spool, in_flight).refresh)

    def rebuilt(settings: Settings) -> Generation:
        return built(settings, assemble(settings, today=today))

    def adopt(following: Generation) -> None:
        current.replace(following)
        telemetry.configured(following.assembly.registry)
        log_notices(log, following.assembly.registry, today())

    apart = settings.server.metrics_port is not None

    @asynccontextmanager
    async def opened(app: Litestar) -> AsyncIterator[None]:
        log_notices(log, assembly.registry, today())
        async with AsyncExitStack() as stack:
            stack.enter_context(closing)
            stack.push_async_callback(telemetry.aclose)
            stack.push_async_callback(current.aclose)
            try:
                await stack.enter_async_context(door.opened())
            except StoreError as error:
                log.critical("store.unusable", reason=str(error))
                raise
            if settings.ledger is not None:
                try:
                    ledger = await stack.enter_async_context(open_ledger(settings.ledger, settings.base_dir))
                except LedgerError as error:
                    log.critical("ledger.unusable", reason=str(error))
                    raise
                keyed = await stack.enter_async_context(keyed_calls(ledger))
                stack.push_async_callback(_finish, keyed, drain)
                app.state.keyed = keyed
            if source is not None:
                reloader = Reloader(current, source=source, build=rebuilt, adopt=adopt, log=log, observers=observers)
                await stack.enter_async_context(reloader.watching(settings.server.reload_every_s))
            yield

    return Litestar(
        route_handlers=[
            *image_routes(settings.server, spool, in_flight),
            *model_routes(),
            openapi_route(),
            *(file_routes(media) if media else ()),
            *(ui_routes() if settings.server.ui else ()),
            *health_routes(drain, current),
            *([] if apart else [metrics_route(telemetry.metrics)]),
        ],
        exception_handlers={
            ImageError: answer_error,
            HTTPException: answer_http_exception,
            Exception: answer_unexpected,
        },
        middleware=[
            leaving_idle_readers(settings.server.send_timeout_s, log),
            *telemetry.middleware,
            holding(current),
        ],
        lifespan=[opened],
        logging_config=None,
        openapi_config=None,
        state=State(
            {
                "log": log,
                "spool": spool,
                "beside": _plain_app(*health_routes(drain, current), metrics_route(telemetry.metrics))
                if apart
                else None,
            }
        ),
    )


async def _finish(keyed: KeyedCalls, drain: Drain) -> None:
    if not await keyed.close(drain.left_s()):
        drain.cut = True


def _plain_app(*routes: HTTPRouteHandler) -> Litestar:
    return Litestar(route_handlers=routes, logging_config=None, openapi_config=None)


def _media_on_loopback(settings: Settings, closing: ExitStack) -> MediaStore | None:
    return closing.enter_context(private_store(public_url="")) if is_loopback(settings.server.host) else None


def _spool(settings: Settings, log: FilteringBoundLogger) -> Spool:
    server = settings.server
    folder = None if server.spool_dir is None else settings.base_dir / server.spool_dir

    def failing(error: OSError) -> None:
        log.error("spool.failing", folder=str(folder or tempfile.gettempdir()), reason=error.strerror)

    spool = Spool(memory_bytes=server.max_memory_bytes, disk_bytes=server.spool_bytes, folder=folder, failing=failing)
    try:
        os.close(spool.open_file())
    except OSError as error:
        message = f"no files can be made in server.spool_dir {folder or tempfile.gettempdir()}: {error.strerror}"
        raise SettingsError((Issue(severity="error", code="spool", message=message),)) from error
    return spool


def _door(settings: Settings, observers: Observers) -> Door:
    try:
        return Door(settings.limits, settings.budgets, settings.base_dir, observers=observers)
    except StoreError as error:
        raise SettingsError((Issue(severity="error", code="store", message=str(error)),)) from error
