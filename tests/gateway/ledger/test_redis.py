"""The ledger of several gateways: replicas that wait for each other, die, or come late."""

import asyncio

from fakes.keyed import UNBILLED, Till, answer, refusal, run
from fakes.ledger_stores import RedisStore
from fakes.replicas import Napping, forget_leases, in_flight, replica
from imageway.contract.errors import ErrorCode, ImageError
from imageway.gateway.ledger.kept_answer import KeptAnswer
from imageway.gateway.ledger.keyed import Answered, SentMark, keyed_calls
from imageway.gateway.ledger.protocol import Claim, Finding, Kept


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


def test_a_late_answer_does_not_take_the_place_of_the_retry_in_flight(redis_store: RedisStore) -> None:
    till, naps = Till(), Napping()

    async def scenario() -> tuple[Answered, list[Answered]]:
        async with replica(redis_store, naps) as one, replica(redis_store, naps) as two:
            first = await in_flight(one, late := till.held())
            forget_leases(redis_store)
            retrying = asyncio.create_task(run(two, retry := till.held(), retry_unknown=True))
            await retry.sent_by(retrying)
            late.go.set()
            answered = await first
            repeat = asyncio.create_task(run(one, till.answering()))
            naps.napped.clear()
            await asyncio.wait(
                (repeat, napping := asyncio.create_task(naps.napped.wait())), return_when="FIRST_COMPLETED"
            )
            napping.cancel()
            waited = not repeat.done()
            retry.go.set()
            assert waited
            return answered, [await retrying, await repeat]

    answered, later = asyncio.run(scenario())
    assert not answered.replayed
    assert [replayed.replayed for replayed in later] == [False, True]
    assert till.paid == 2


def test_every_step_may_arrive_twice(redis_store: RedisStore) -> None:
    async def scenario() -> list[Finding]:
        claim, later = Claim(slot="slot", token="a1"), Claim(slot="slot", token="b2")
        async with redis_store.open() as ledger:
            found = [await ledger.claim(claim, "f", retry_unknown=False) for _ in range(2)]
            for _ in range(2):
                await ledger.mark_sent(claim)
            for _ in range(2):
                await ledger.keep(claim, answer(b"0123456789"))
            return [*found, await ledger.claim(later, "f", retry_unknown=False)]

    assert asyncio.run(scenario()) == ["taken", "taken", Kept(answer=answer(b"0123456789"))]
    with redis_store.client() as client:
        assert (client.get("imageway:1:bytes"), client.zcard("imageway:1:bodies")) == (b"10", 1)


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
