"""A gateway that shuts down: what runs is drained, what can't be is settled truthfully."""

import asyncio

import pytest

from fakes.keyed import Till, answer, refusal, run
from fakes.ledger_stores import Store
from imageway.contract.errors import ErrorCode, ImageError
from imageway.gateway.ledger.kept_answer import KeptAnswer
from imageway.gateway.ledger.keyed import Answered, SentMark, keyed_calls


def test_what_runs_at_the_end_is_answered_and_kept(store: Store) -> None:
    till = Till()

    async def scenario() -> tuple[Answered, Answered, ImageError]:
        async with store.open() as ledger:
            async with keyed_calls(ledger) as calls:
                held = till.held()
                asking = asyncio.create_task(run(calls, held))
                await held.sent_by(asking)
                asyncio.get_running_loop().call_soon(held.go.set)
            drained, refused = await asking, await refusal(calls, till.answering(), key="new")
            async with keyed_calls(ledger) as calls:
                return drained, await run(calls, till.answering()), refused

    drained, repeated, refused = asyncio.run(scenario())
    assert drained == Answered(answer=answer(), replayed=False)
    assert repeated == Answered(answer=answer(), replayed=True)
    assert (refused.code, refused.may_have_billed, refused.message) == (
        ErrorCode.UPSTREAM_UNAVAILABLE,
        False,
        "The gateway is shutting down; nothing was sent. Send the request again.",
    )


def test_a_sent_call_that_is_cut_off_is_unknown(store: Store) -> None:
    till = Till()

    async def scenario() -> tuple[object, ImageError]:
        async with store.open() as ledger:
            async with keyed_calls(ledger, drain_s=0) as calls:
                held = till.held()
                asking = asyncio.create_task(run(calls, held))
                await held.sent_by(asking)
            (cut,) = await asyncio.gather(asking, return_exceptions=True)
            async with keyed_calls(ledger) as calls:
                return cut, await refusal(calls, till.answering())

    cut, after = asyncio.run(scenario())
    assert isinstance(cut, ImageError)
    assert (cut.code, cut.may_have_billed, cut.message) == (
        ErrorCode.OUTCOME_UNKNOWN,
        True,
        "The gateway shut down before the call under this Idempotency-Key was answered: it may have been drawn and"
        " charged for. To send it again, and perhaps pay twice, add the header imageway-retry-unknown: true.",
    )
    assert after.code is ErrorCode.OUTCOME_UNKNOWN


def test_a_call_that_is_cut_off_before_it_was_sent_may_run_again(store: Store) -> None:
    till = Till()

    async def scenario() -> tuple[object, Answered]:
        started = asyncio.Event()

        async def call(mark_sent: SentMark) -> KeptAnswer:
            started.set()
            await asyncio.Event().wait()
            raise AssertionError

        async with store.open() as ledger:
            async with keyed_calls(ledger, drain_s=0) as calls:
                asking = asyncio.create_task(run(calls, call))
                await started.wait()
            (cut,) = await asyncio.gather(asking, return_exceptions=True)
            async with keyed_calls(ledger) as calls:
                return cut, await run(calls, till.answering())

    cut, after = asyncio.run(scenario())
    assert isinstance(cut, ImageError)
    assert cut.code is ErrorCode.UPSTREAM_UNAVAILABLE
    assert not after.replayed


def test_what_the_body_raises_comes_out_as_it_is(store: Store) -> None:
    till = Till()

    async def scenario() -> None:
        async with store.open() as ledger, keyed_calls(ledger) as calls:
            held = till.held()
            asking = asyncio.create_task(run(calls, held))
            await held.sent_by(asking)
            asking.add_done_callback(lambda _: None)
            held.go.set()
            raise KeyError("body")

    with pytest.raises(KeyError, match="body"):
        asyncio.run(scenario())
    assert till.paid == 1
