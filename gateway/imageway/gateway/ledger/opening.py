"""The ledger that the configuration names."""

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from os import environ as process_environ
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from imageway.gateway.ledger.protocol import Ledger, LedgerError
from imageway.gateway.ledger.sqlite import open_sqlite_ledger
from imageway.gateway.stores.place import StoreError, store_place

__all__ = ("LedgerSettings", "check_store", "open_ledger")


class LedgerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where calls under an `Idempotency-Key` are remembered, and for how long.

    `store` is `sqlite:FILE`, relative to the configuration, for one process; or `redis://` or `rediss://` for several,
    where a password must come by reference: `env:NAME` or `file:PATH`, which hold the whole address. `max_bytes` bounds
    all kept answers, `max_answer_bytes` each.
    """

    store: str = "sqlite:state/ledger.sqlite3"
    keep_s: Annotated[int, Meta(ge=60)] = 86_400
    max_bytes: Annotated[int, Meta(ge=1)] = 2_000_000_000
    max_answer_bytes: Annotated[int, Meta(ge=1)] = 64_000_000


def check_store(settings: LedgerSettings, environ: Mapping[str, str] = process_environ) -> None:
    """Raises `LedgerError` for a store that can't be one, as far as that shows without opening it."""
    _place(settings, Path(), environ)


@asynccontextmanager
async def open_ledger(
    settings: LedgerSettings,
    base_dir: Path,
    *,
    clock: Callable[[], float] = time.time,
    environ: Mapping[str, str] = process_environ,
) -> AsyncIterator[Ledger]:
    """The ledger of *settings*, its file relative to *base_dir*; *clock* tells Unix seconds. Raises `LedgerError`."""
    place = _place(settings, base_dir, environ)
    opened: AbstractAsyncContextManager[Ledger]
    match place:
        case Path():
            opened = open_sqlite_ledger(
                place,
                keep_s=settings.keep_s,
                max_bytes=settings.max_bytes,
                max_answer_bytes=settings.max_answer_bytes,
                clock=clock,
            )
        case str():
            from imageway.gateway.ledger.redis import open_redis_ledger

            opened = open_redis_ledger(
                place,
                keep_s=settings.keep_s,
                max_bytes=settings.max_bytes,
                max_answer_bytes=settings.max_answer_bytes,
            )
    async with opened as ledger:
        yield ledger


def _place(settings: LedgerSettings, base_dir: Path, environ: Mapping[str, str]) -> Path | str:
    """The SQLite file, or the Redis's address."""
    try:
        return store_place("ledger.store", settings.store, base_dir, environ)
    except StoreError as error:
        raise LedgerError(str(error)) from error
