"""What a key promises, over each store."""

import asyncio

import pytest

from fakes.keyed import BILLED, UNBILLED, Till, answer, refusal, run
from fakes.ledger_stores import Store
from imageway.contract.errors import ErrorCode, ImageError
from imageway.gateway.ledger.keyed import Answered, keyed_calls


def told(error: ImageError) -> tuple[ErrorCode, bool]:
    return error.code, error.may_have_billed


def test_a_key_runs_once_and_a_repeat_gets_the_kept_answer_after_a_restart_too(store: Store) -> None:
    till = Till()

    async def scenario() -> list[Answered]:
        async with store.open() as ledger, keyed_calls(ledger) as calls:
            answers = [await run(calls, till.answering(b"\x00\xff first")), await run(calls, till.answering(b"second"))]
        async with store.open() as ledger, keyed_calls(ledger) as calls:
            return [*answers, await run(calls, till.answering(b"third"), retry_unknown=True)]

    first = answer(b"\x00\xff first")
    assert asyncio.run(scenario()) == [
        Answered(answer=first, replayed=False),
        Answered(answer=first, replayed=True),
        Answered(answer=first, replayed=True),
    ]
    assert till.paid == 1


def test_callers_and_keys_have_nothing_to_do_with_each_other(store: Store) -> None:
    till = Till()

    async def scenario() -> list[bool]:
        async with store.open() as ledger, keyed_calls(ledger) as calls:
            who = [("team", "k"), ("other", "k"), ("team", "kk"), ("teamk", "k"), ("team", "k")]
            return [
                (await calls.run(caller=caller, key=key, fingerprint="f", call=till.answering())).replayed
                for caller, key in who
            ]

    assert asyncio.run(scenario()) == [False, False, False, False, True]


def test_repeats_join_the_call_in_flight(store: Store) -> None:
    till = Till()

    async def scenario() -> list[Answered]:
        async with store.open() as ledger, keyed_calls(ledger) as calls:
            held = till.held()
            asking = [asyncio.create_task(run(calls, held)) for _ in range(20)]
            await held.sent_by(asking[0])
            asking.append(asyncio.create_task(run(calls, till.answering(b"another"))))
            held.go.set()
            return await asyncio.gather(*asking)

    answers = asyncio.run(scenario())
    assert [answered.replayed for answered in answers].count(False) == 1
    assert {answered.answer.body for answered in answers} == {b"picture"}
    assert till.paid == 1


def test_a_caller_who_leaves_stops_nothing(store: Store) -> None:
    till = Till()

    async def scenario() -> Answered:
        async with store.open() as ledger, keyed_calls(ledger) as calls:
            held = till.held()
            leaving = asyncio.create_task(run(calls, held))
            await held.sent_by(leaving)
            leaving.cancel()
            await asyncio.wait([leaving])
            held.go.set()
            return await run(calls, till.answering(b"another"))

    assert asyncio.run(scenario()) == Answered(answer=answer(), replayed=True, joined=True)
    assert till.paid == 1


def test_another_request_under_the_key_is_refused_in_flight_and_after(store: Store) -> None:
    till = Till()

    async def scenario() -> list[ImageError]:
        async with store.open() as ledger, keyed_calls(ledger) as calls:
            held = till.held()
            asking = asyncio.create_task(run(calls, held))
            await held.sent_by(asking)
            during = await refusal(calls, till.answering(), fingerprint="g", retry_unknown=True)
            held.go.set()
            await asking
            return [during, await refusal(calls, till.answering(), fingerprint="g", retry_unknown=True)]

    during, after = asyncio.run(scenario())
    assert (told(during), during.message) == (
        (ErrorCode.IDEMPOTENCY_CONFLICT, False),
        "This Idempotency-Key was used for another request: the operation, the model, a parameter or a picture differs."
        " Send the same request again, or this one under a new key.",
    )
    assert after.message == during.message
    assert till.paid == 1


def test_a_conflicting_request_in_between_takes_nothing_from_a_repeat(store: Store) -> None:
    till = Till()

    async def scenario() -> list[object]:
        async with store.open() as ledger, keyed_calls(ledger) as calls:
            await run(calls, till.answering())
            mixed = [run(calls, till.answering(), fingerprint=fingerprint) for fingerprint in "gfgf"]
            return await asyncio.gather(*mixed, return_exceptions=True)

    ends = asyncio.run(scenario())
    assert [isinstance(end, Answered) for end in ends] == [False, True, False, True]


@pytest.mark.parametrize("sent", [False, True])
def test_an_unpaid_failure_is_told_to_all_who_wait_and_not_kept(store: Store, sent: bool) -> None:
    till = Till()

    async def scenario() -> tuple[list[object], Answered]:
        async with store.open() as ledger, keyed_calls(ledger) as calls:
            failing = till.failing(UNBILLED, sent=sent)
            ends = await asyncio.gather(run(calls, failing), run(calls, failing), return_exceptions=True)
            return list(ends), await run(calls, till.answering(), fingerprint="g")

    ends, after = asyncio.run(scenario())
    assert ends == [UNBILLED, UNBILLED]
    assert after == Answered(answer=answer(), replayed=False)


def test_a_failure_that_may_be_paid_is_unknown_until_somebody_says_to_retry(store: Store) -> None:
    till = Till()

    async def scenario() -> tuple[ImageError, list[ImageError], list[Answered]]:
        async with store.open() as ledger, keyed_calls(ledger) as calls:
            first = await refusal(calls, till.failing(BILLED, paid=True))
            repeats = [await refusal(calls, till.answering())]
        async with store.open() as ledger, keyed_calls(ledger) as calls:
            repeats.append(await refusal(calls, till.answering()))
            answers = [await run(calls, till.answering(), retry_unknown=True), await run(calls, till.answering())]
        return first, repeats, answers

    first, repeats, answers = asyncio.run(scenario())
    assert first is BILLED
    assert [(told(error), error.message) for error in repeats] == [
        (
            (ErrorCode.OUTCOME_UNKNOWN, True),
            "The call under this Idempotency-Key was sent and never answered here: it may have been drawn and charged"
            " for. To send it again, and perhaps pay twice, add the header imageway-retry-unknown: true.",
        )
    ] * 2
    assert [answered.replayed for answered in answers] == [False, True]
    assert till.paid == 2


def test_an_unpaid_retry_leaves_the_first_call_unknown(store: Store) -> None:
    till = Till()

    async def scenario() -> list[ImageError]:
        async with store.open() as ledger, keyed_calls(ledger) as calls:
            return [
                await refusal(calls, till.failing(BILLED, paid=True)),
                await refusal(calls, till.failing(UNBILLED), retry_unknown=True),
                await refusal(calls, till.answering()),
            ]

    assert [error.code for error in asyncio.run(scenario())] == [
        ErrorCode.UPSTREAM_TIMEOUT,
        ErrorCode.RATE_LIMITED,
        ErrorCode.OUTCOME_UNKNOWN,
    ]
    assert till.paid == 1


def test_a_retry_that_meets_a_plain_repeat_at_the_door_is_still_a_retry(store: Store) -> None:
    till = Till()

    async def scenario() -> list[object]:
        async with store.open() as ledger, keyed_calls(ledger) as calls:
            await refusal(calls, till.failing(BILLED, paid=True))
            return await asyncio.gather(
                run(calls, till.answering()), run(calls, till.answering(), retry_unknown=True), return_exceptions=True
            )

    plain, retry = asyncio.run(scenario())
    assert isinstance(plain, ImageError)
    assert retry == Answered(answer=answer(), replayed=False)


@pytest.mark.parametrize(("sent", "code"), [(False, None), (True, ErrorCode.OUTCOME_UNKNOWN)])
def test_a_bug_is_unknown_once_the_call_was_sent(store: Store, sent: bool, code: ErrorCode | None) -> None:
    till = Till()
    bug = RuntimeError("a bug")

    async def scenario() -> tuple[object, object]:
        async with store.open() as ledger, keyed_calls(ledger) as calls:
            (first,) = await asyncio.gather(run(calls, till.failing(bug, sent=sent)), return_exceptions=True)
            (after,) = await asyncio.gather(run(calls, till.answering()), return_exceptions=True)
            return first, after

    first, after = asyncio.run(scenario())
    assert first is bug
    assert (after.code if isinstance(after, ImageError) else None) == code


def test_a_caller_waits_for_its_deadline_and_the_call_goes_on(store: Store) -> None:
    till = Till()

    async def scenario() -> tuple[list[ImageError], Answered]:
        async with store.open() as ledger, keyed_calls(ledger) as calls:
            held = till.held()
            asking = asyncio.create_task(run(calls, held))
            await held.sent_by(asking)
            late = [await refusal(calls, till.answering(), deadline_s=0.01)]
            held.go.set()
            await asking
            return late, await run(calls, till.answering())

    (late,), after = asyncio.run(scenario())
    assert (told(late), late.message) == (
        (ErrorCode.UPSTREAM_TIMEOUT, True),
        "The call under this Idempotency-Key is still under way, and its answer will be kept."
        " Send the same request again under the same key to get it.",
    )
    assert after == Answered(answer=answer(), replayed=True)
    assert till.paid == 1


def test_an_answer_beyond_the_limit_goes_out_once(store: Store) -> None:
    till = Till()

    async def scenario() -> tuple[list[Answered], ImageError, Answered]:
        async with store.open(max_answer_bytes=10) as ledger, keyed_calls(ledger) as calls:
            small = [await run(calls, till.answering(b"0123456789"), key="small") for _ in range(2)]
            large = await run(calls, till.answering(b"0123456789+"), key="large")
            dropped = await refusal(calls, till.answering(b"-"), key="large")
            return [*small, large], dropped, await run(calls, till.answering(b"-"), key="large", retry_unknown=True)

    answers, dropped, retried = asyncio.run(scenario())
    assert [(len(answered.answer.body), answered.replayed) for answered in answers] == [
        (10, False),
        (10, True),
        (11, False),
    ]
    assert (told(dropped), dropped.message) == (
        (ErrorCode.OUTCOME_UNKNOWN, True),
        "The call under this Idempotency-Key was answered, but its answer is not kept: it was too large, or made room"
        " for later ones. To send it again, and pay again, add the header imageway-retry-unknown: true.",
    )
    assert not retried.replayed
    assert till.paid == 3


@pytest.mark.parametrize("key", ["", "k" * 256, "two words", "tab\t", "Schlüssel", "line\n"])
def test_a_key_that_is_none_is_refused(store: Store, key: str) -> None:
    async def scenario() -> ImageError:
        async with store.open() as ledger, keyed_calls(ledger) as calls:
            await run(calls, Till().answering(), key="!" + "~" * 254)
            return await refusal(calls, Till().answering(), key=key)

    fault = asyncio.run(scenario())
    reason = "it has others in it" if 0 < len(key) < 256 else f"it is {len(key)} characters long"
    assert (fault.code, fault.message) == (
        ErrorCode.INVALID_REQUEST,
        f"The header Idempotency-Key must be 1 to 255 visible ASCII characters, but {reason}.",
    )
