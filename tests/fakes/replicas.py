"""Gateways that share a Redis, and what happens to them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from fakes.keyed import Held, run
from fakes.ledger_stores import RedisStore
from imageway.gateway.ledger.keyed import Answered, KeyedCalls, keyed_calls


class Napping:
    """A sleep that takes no time; `napped` tells that somebody waits for another replica."""

    def __init__(self) -> None:
        self.napped = asyncio.Event()

    async def __call__(self, seconds: float) -> None:
        if seconds == 0.25:
            self.napped.set()
            await asyncio.sleep(0)
        else:
            await asyncio.Event().wait()


@asynccontextmanager
async def replica(store: RedisStore, sleep: Callable[[float], Awaitable[None]]) -> AsyncIterator[KeyedCalls]:
    async with store.open() as ledger, keyed_calls(ledger, drain_s=0, sleep=sleep) as calls:
        yield calls


async def in_flight(calls: KeyedCalls, held: Held) -> "asyncio.Task[Answered]":
    asking = asyncio.create_task(run(calls, held))
    await held.sent_by(asking)
    return asking


def forget_leases(store: RedisStore) -> None:
    """What time does to the leases of processes that don't renew them."""
    with store.client() as client:
        leases = client.keys("imageway:1:lease:*")
        assert client.delete(*leases) == len(leases) == 1
