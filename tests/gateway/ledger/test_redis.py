"""The ledger of several gateways: replicas that wait for each other, die, or lose their Redis."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from fakes.keyed import UNBILLED, Held, Till, answer, refusal, run
from fakes.ledger_stores import RedisStore
from imageway.contract.errors import ErrorCode, ImageError
from imageway.gateway.ledger.kept_answer import KeptAnswer
from imageway.gateway.ledger.keyed import Answered, KeyedCalls, SentMark, keyed_calls
from imageway.gateway.ledger.protocol import LedgerError
from redis_server import serving_redis


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


def test_a_repeat_at_another_replica_waits_for_the_answer(redis_store: RedisStore) -> None:
    till, naps = Till(), Napping()

    async def scenario() -> list[Answered]:
        async with replica(redis_store, naps) as one, replica(redis_store, naps) as two:
            held = till.held()
            first = await in_flight(one, held)
            repeats = [asyncio.create_task(run(two, till.answering(b"another"))) for _ in range(3)]
            await naps.napped.wait()
            held.go.set()
            return await asyncio.gather(first, *repeats)

    answers = asyncio.run(scenario())
    assert answers == [
        Answered(answer=answer(), replayed=False),
        *[Answered(answer=answer(), replayed=True)] * 3,
    ]
    assert till.paid == 1


def test_a_repeat_at_another_replica_runs_where_the_first_turns_out_unpaid(redis_store: RedisStore) -> None:
    till, naps = Till(), Napping()

    async def scenario() -> tuple[object, Answered]:
        sent, go = asyncio.Event(), asyncio.Event()

        async def throttled(mark_sent: SentMark) -> KeptAnswer:
            await mark_sent()
            sent.set()
            await go.wait()
            raise UNBILLED

        async with replica(redis_store, naps) as one, replica(redis_store, naps) as two:
            first = asyncio.create_task(run(one, throttled))
            await sent.wait()
            repeat = asyncio.create_task(run(two, till.answering()))
            await naps.napped.wait()
            go.set()
            return (await asyncio.gather(first, return_exceptions=True))[0], await repeat

    first, repeated = asyncio.run(scenario())
    assert first is UNBILLED
    assert repeated == Answered(answer=answer(), replayed=False)
    assert till.paid == 1


def test_waiting_for_another_replica_ends_at_the_deadline(redis_store: RedisStore) -> None:
    till, naps = Till(), Napping()

    async def scenario() -> list[ImageError]:
        async with replica(redis_store, naps) as one, replica(redis_store, naps) as two:
            held = till.held()
            first = await in_flight(one, held)
            late = await refusal(two, till.answering(), deadline_s=0.05)
            other = await refusal(two, till.answering(), fingerprint="g")
            held.go.set()
            await first
            return [late, other]

    late, other = asyncio.run(scenario())
    assert (late.code, late.may_have_billed) == (ErrorCode.UPSTREAM_TIMEOUT, True)
    assert other.code is ErrorCode.IDEMPOTENCY_CONFLICT
    assert till.paid == 1


def test_a_replica_that_died_after_sending_leaves_an_unknown_outcome(redis_store: RedisStore) -> None:
    till, naps = Till(), Napping()

    async def scenario() -> tuple[ImageError, Answered, Answered, Answered]:
        async with replica(redis_store, naps) as one, replica(redis_store, naps) as two:
            held = till.held()
            first = await in_flight(one, held)
            forget_leases(redis_store)
            unknown = await refusal(two, till.answering())
            retried = await run(two, till.answering(b"second"), retry_unknown=True)
            held.go.set()
            return unknown, retried, await first, await run(one, till.answering())

    unknown, retried, first, after = asyncio.run(scenario())
    assert unknown.code is ErrorCode.OUTCOME_UNKNOWN
    assert retried == Answered(answer=answer(b"second"), replayed=False)
    assert first == Answered(answer=answer(), replayed=False)
    assert after == Answered(answer=answer(b"second"), replayed=True)
    assert till.paid == 2


def test_a_replica_that_was_only_late_still_keeps_its_answer(redis_store: RedisStore) -> None:
    till, naps = Till(), Napping()

    async def scenario() -> Answered:
        async with replica(redis_store, naps) as one, replica(redis_store, naps) as two:
            held = till.held()
            first = await in_flight(one, held)
            forget_leases(redis_store)
            held.go.set()
            await first
            return await run(two, till.answering())

    assert asyncio.run(scenario()) == Answered(answer=answer(), replayed=True)
    assert till.paid == 1


def test_a_claim_that_was_never_sent_is_free_when_its_lease_is_over_and_can_not_be_sent_then(
    redis_store: RedisStore,
) -> None:
    till, naps = Till(), Napping()

    async def scenario() -> tuple[object, Answered]:
        claimed, go = asyncio.Event(), asyncio.Event()

        async def slow(mark_sent: SentMark) -> KeptAnswer:
            claimed.set()
            await go.wait()
            return await till.answering(b"late")(mark_sent)

        async with replica(redis_store, naps) as one, replica(redis_store, naps) as two:
            first = asyncio.create_task(run(one, slow))
            await claimed.wait()
            forget_leases(redis_store)
            second = await run(two, till.answering())
            go.set()
            return (await asyncio.gather(first, return_exceptions=True))[0], second

    late, second = asyncio.run(scenario())
    assert isinstance(late, ImageError)
    assert (late.code, late.may_have_billed, late.message) == (
        ErrorCode.UPSTREAM_UNAVAILABLE,
        False,
        "The gateway was held up and lost its claim on this Idempotency-Key; nothing was sent. Send the request again.",
    )
    assert second == Answered(answer=answer(), replayed=False)
    assert till.paid == 1


def test_leases_are_renewed_while_a_call_runs(redis_store: RedisStore) -> None:
    till = Till()
    naps: list[float] = []
    lease_gone, renewed = asyncio.Event(), asyncio.Event()

    async def sleep(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 2:
            renewed.set()
            await asyncio.Event().wait()
        await lease_gone.wait()

    async def scenario() -> tuple[int, Answered]:
        async with replica(redis_store, sleep) as calls:
            held = till.held()
            first = await in_flight(calls, held)
            forget_leases(redis_store)
            lease_gone.set()
            await renewed.wait()
            with redis_store.client() as client:
                leases = len(client.keys("imageway:1:lease:*"))
            held.go.set()
            return leases, await first

    assert asyncio.run(scenario()) == (1, Answered(answer=answer(), replayed=False))
    assert naps == [10.0, 10.0]


def test_keys_are_kept_for_their_time_and_no_lease_outlives_its_call(redis_store: RedisStore) -> None:
    async def scenario() -> None:
        async with replica(redis_store, Napping()) as calls:
            await run(calls, Till().answering())
            await refusal(calls, Till().failing(UNBILLED), key="unpaid")

    asyncio.run(scenario())
    with redis_store.client() as client:
        seconds = {key.split(b":")[2]: client.ttl(key) for key in client.keys("imageway:1:*:*")}
        assert {key.split(b":")[2] for key in client.keys("*")} == {b"call", b"body", b"bodies", b"bytes"}
    assert set(seconds) == {b"call", b"body"}
    assert all(3590 < ttl <= 3600 for ttl in seconds.values())


def test_the_oldest_answers_make_room_and_their_keys_do_not_run_again(redis_store: RedisStore) -> None:
    till = Till()

    async def scenario() -> list[bool | ErrorCode]:
        async with redis_store.open(max_bytes=20) as ledger, keyed_calls(ledger) as calls:
            await run(calls, till.answering(b"0123456789"), key="a")
            with redis_store.client() as client:
                # The clock is the server's: what is kept first must be older by a millisecond at least.
                client.zincrby("imageway:1:bodies", -1000, client.zrange("imageway:1:bodies", 0, 0)[0])
            for key in ("b", "c"):
                await run(calls, till.answering(b"0123456789"), key=key)
            kept = [(await run(calls, till.answering(), key=key)).replayed for key in ("b", "c")]
            return [(await refusal(calls, till.answering(), key="a")).code, *kept]

    assert asyncio.run(scenario()) == [ErrorCode.OUTCOME_UNKNOWN, True, True]
    assert till.paid == 3
    with redis_store.client() as client:
        assert (client.get("imageway:1:bytes"), len(client.keys("imageway:1:body:*"))) == (b"20", 2)


def test_bodies_that_are_over_free_their_room(redis_store: RedisStore) -> None:
    till = Till()

    async def scenario() -> bool:
        async with redis_store.open(max_bytes=20) as ledger, keyed_calls(ledger) as calls:
            for key in ("a", "b"):
                await run(calls, till.answering(b"0123456789"), key=key)
            with redis_store.client() as client:
                over = client.zrange("imageway:1:bodies", 0, 0)[0]
                client.zadd("imageway:1:bodies", {over: 1})
            await run(calls, till.answering(b"0123456789"), key="c")
            return (await run(calls, till.answering(), key="c")).replayed

    assert asyncio.run(scenario())
    with redis_store.client() as client:
        assert (client.get("imageway:1:bytes"), client.zcard("imageway:1:bodies")) == (b"20", 2)


def test_a_redis_that_is_gone_refuses_before_anything_is_sent(tmp_path: Path) -> None:
    till = Till()

    async def scenario() -> tuple[ImageError, ImageError]:
        with serving_redis(tmp_path) as server:
            store = RedisStore(server.url)

            async def unlucky(mark_sent: SentMark) -> KeptAnswer:
                server.kill()
                return await till.answering()(mark_sent)

            async with replica(store, Napping()) as calls:
                return await refusal(calls, unlucky), await refusal(calls, till.answering())

    for refused in asyncio.run(scenario()):
        assert (refused.code, refused.may_have_billed, refused.message) == (
            ErrorCode.UPSTREAM_UNAVAILABLE,
            False,
            "The gateway's ledger can't be used, so calls with an Idempotency-Key are refused; nothing was sent.",
        )
    assert till.paid == 0


def test_a_redis_that_goes_while_another_replica_draws_is_no_word_that_nothing_was_paid(tmp_path: Path) -> None:
    till, naps = Till(), Napping()

    async def scenario() -> ImageError:
        with serving_redis(tmp_path) as server:
            store = RedisStore(server.url)
            async with replica(store, naps) as one, replica(store, naps) as two:
                first = await in_flight(one, held := till.held())
                repeat = asyncio.create_task(refusal(two, till.answering()))
                await naps.napped.wait()
                server.kill()
                held.go.set()
                await first
                return await repeat

    refused = asyncio.run(scenario())
    assert (refused.code, refused.may_have_billed) == (ErrorCode.UPSTREAM_TIMEOUT, True)
    assert till.paid == 1


def test_an_answer_goes_out_where_redis_is_gone_by_then_and_its_key_is_unknown(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    till = Till()

    async def drawing() -> Answered:
        with serving_redis(tmp_path, "--appendonly", "yes", "--appendfsync", "always") as server:

            async def unlucky(mark_sent: SentMark) -> KeptAnswer:
                drawn = await till.answering()(mark_sent)
                server.kill()
                return drawn

            async with replica(RedisStore(server.url), Napping()) as calls:
                return await run(calls, unlucky)

    async def repeating() -> ImageError:
        with serving_redis(tmp_path, "--appendonly", "yes") as server:
            store = RedisStore.__new__(RedisStore)  # not a new one, which would be emptied
            store.url, store.lease_s = server.url, 30.0
            forget_leases(store)
            async with replica(store, Napping()) as calls:
                return await refusal(calls, till.answering())

    assert asyncio.run(drawing()) == Answered(answer=answer(), replayed=False)
    assert asyncio.run(repeating()).code is ErrorCode.OUTCOME_UNKNOWN
    assert [record.message for record in caplog.records if record.levelno == logging.ERROR] == ["ledger.keep_failed"]
    assert till.paid == 1


def test_a_redis_that_may_forget_is_refused_and_one_without_a_journal_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> str:
        with serving_redis(tmp_path, "--maxmemory", "100mb") as server:
            store = RedisStore(server.url)
            async with store.open():
                pass
            with store.client() as client:
                client.config_set("maxmemory-policy", "allkeys-lru")
            with pytest.raises(LedgerError) as caught:
                async with store.open():
                    pass
            return str(caught.value)

    assert asyncio.run(scenario()) == (
        "the Redis of the ledger may forget keys when its memory is full (maxmemory-policy is allkeys-lru), and calls"
        " would be paid for twice; set maxmemory-policy to noeviction"
    )
    assert [record.message for record in caplog.records] == [
        "ledger.redis_not_durable: a Redis without appendonly forgets calls when it is restarted"
    ]
