"""A Redis that goes away, or can't be relied on."""

import asyncio
import logging
from pathlib import Path

import pytest

from fakes.keyed import Till, answer, refusal, run
from fakes.ledger_stores import RedisStore
from fakes.replicas import Napping, forget_leases, in_flight, replica
from imageway.contract.errors import ErrorCode, ImageError
from imageway.gateway.ledger.kept_answer import KeptAnswer
from imageway.gateway.ledger.keyed import Answered, SentMark
from imageway.gateway.ledger.protocol import LedgerError
from redis_server import serving_redis


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
        "store.redis_not_durable: a Redis without appendonly forgets the ledger when it is restarted"
    ]
