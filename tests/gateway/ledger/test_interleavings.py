"""Whatever callers, vendors and restarts do to a key, and in whatever order: it is paid for once."""

import asyncio
import random
from collections import Counter
from contextlib import AsyncExitStack

import pytest

from fakes.keyed import answer
from fakes.ledger_stores import RedisStore, SqliteStore, Store
from imageway.contract.errors import ErrorCode, ImageError
from imageway.gateway.ledger.kept_answer import KeptAnswer
from imageway.gateway.ledger.keyed import Answered, KeyedCalls, SentMark, keyed_calls

KEYS = ("a", "b", "c")


async def breath(_: float = 0) -> None:
    await asyncio.sleep(0)


async def upkeep_now_and_then(seconds: float) -> None:
    if seconds != 0.25:
        await asyncio.Event().wait()
    await breath()


class Vendor:
    """Answers, refuses, breaks or charges for nothing, by the dice; each answer is another picture."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self.paid: Counter[str] = Counter()
        self.retries: Counter[str] = Counter()
        self.pictures: dict[str, set[bytes]] = {key: set() for key in KEYS}

    async def draw(self, key: str, mark_sent: SentMark) -> KeptAnswer:
        await self._wait()
        luck = self._dice.random()
        if luck < 0.15:
            raise ImageError(ErrorCode.RATE_LIMITED, "Before anything was sent.")
        await mark_sent()
        await self._wait()
        if luck < 0.4:
            raise ImageError(ErrorCode.CONTENT_REJECTED, "Sent, and refused for nothing.")
        self.paid[key] += 1
        await self._wait()
        if luck < 0.5:
            raise ImageError(ErrorCode.UPSTREAM_TIMEOUT, "Drawn, and lost.", may_have_billed=True)
        if luck < 0.6:
            raise RuntimeError("a bug after the drawing")
        return answer(f"{key}: {self.paid[key]}".encode())

    async def _wait(self) -> None:
        for _ in range(self._dice.randrange(6)):
            await breath()


async def caller(dice: random.Random, calls: list[KeyedCalls], vendor: Vendor, *, may_retry: bool) -> None:
    key = dice.choice(KEYS)
    retry_unknown = may_retry and dice.random() < 0.3
    vendor.retries[key] += retry_unknown

    async def call(mark_sent: SentMark) -> KeptAnswer:
        return await vendor.draw(key, mark_sent)

    asking = dice.choice(calls).run(
        caller="team", key=key, fingerprint=f"of {key}", call=call, retry_unknown=retry_unknown
    )
    try:
        answered: Answered = await asking
    except (ImageError, RuntimeError):
        return
    vendor.pictures[key].add(answered.answer.body)


async def storm(store: Store, dice: random.Random, *, replicas: int, may_retry: bool) -> Vendor:
    """Three lives of the gateway, each of them with callers who come at any time, and may leave."""
    vendor = Vendor(dice)
    if isinstance(store, RedisStore):
        store.lease_s = 1.0  # nobody waits longer for a replica that was cut off
    for _ in range(3):
        async with AsyncExitStack() as stack:
            calls = []
            for _ in range(replicas):
                ledger = await stack.enter_async_context(store.open())
                keyed = keyed_calls(ledger, drain_s=dice.choice((0, None)), sleep=upkeep_now_and_then)
                calls.append(await stack.enter_async_context(keyed))
            asking = []
            for _ in range(12):
                asking.append(asyncio.create_task(caller(dice, calls, vendor, may_retry=may_retry)))
                for _ in range(dice.randrange(8)):
                    await breath()
                if dice.random() < 0.25:
                    dice.choice(asking).cancel()
            if dice.random() < 0.5:
                await asyncio.wait(asking)
        await asyncio.wait(asking)
    return vendor


@pytest.mark.parametrize("seed", range(25))
def test_a_key_is_paid_for_once(store: Store, seed: int) -> None:
    replicas = 1 if isinstance(store, SqliteStore) else 3

    vendor = asyncio.run(storm(store, random.Random(seed), replicas=replicas, may_retry=False))

    assert {key: paid for key, paid in vendor.paid.items() if paid > 1} == {}
    assert all(len(pictures) <= 1 for pictures in vendor.pictures.values())


@pytest.mark.parametrize("seed", range(25))
def test_a_key_is_paid_for_once_more_for_each_time_that_somebody_says_so(store: Store, seed: int) -> None:
    replicas = 3 if isinstance(store, RedisStore) else 1

    vendor = asyncio.run(storm(store, random.Random(seed), replicas=replicas, may_retry=True))

    assert {key: paid for key, paid in vendor.paid.items() if paid > 1 + vendor.retries[key]} == {}
    assert all(len(pictures) <= 1 for pictures in vendor.pictures.values())
