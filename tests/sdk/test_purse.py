"""A run's money: set aside before a call, settled after it."""

import asyncio
from decimal import Decimal

import pytest

from imageway.sdk.pipeline.sending.purse import Purse, PurseEmptyError

CENT = Decimal("0.01")


async def _spend(purse: Purse, high: Decimal, came_to: Decimal | None = None, *, key: str = "call") -> None:
    async with purse.aside(key, high) as reservation:
        if came_to is not None:
            reservation.came_to_usd = came_to


def test_what_a_call_came_to_is_spent_and_all_of_it_where_nobody_says() -> None:
    purse = Purse(Decimal(1), spent_usd=CENT)

    async def run() -> None:
        await _spend(purse, 10 * CENT, 4 * CENT)
        await _spend(purse, 10 * CENT)

    asyncio.run(run())

    assert purse.spent_usd == 15 * CENT


def test_a_call_that_fits_to_the_cent_passes_and_one_beyond_does_not() -> None:
    purse = Purse(30 * CENT, spent_usd=20 * CENT)

    async def run() -> None:
        with pytest.raises(PurseEmptyError) as caught:
            await _spend(purse, 10 * CENT + Decimal("0.000001"))
        assert str(caught.value) == (
            "The budget of 0.30 USD is reached: 0.2000 are spent, and the next call may cost 0.1000."
        )
        await _spend(purse, 10 * CENT)

    asyncio.run(run())

    assert purse.spent_usd == 30 * CENT


@pytest.mark.parametrize(("came_to", "fits"), [(2 * CENT, True), (8 * CENT, False)])
def test_what_may_fit_waits_for_the_calls_in_flight(came_to: Decimal, fits: bool) -> None:
    async def run() -> bool:
        purse = Purse(10 * CENT)
        done = asyncio.Event()

        async def first() -> None:
            async with purse.aside("first", 8 * CENT) as reservation:
                await done.wait()
                reservation.came_to_usd = came_to

        flying = asyncio.ensure_future(first())
        await asyncio.sleep(0)
        waiting = asyncio.ensure_future(_spend(purse, 8 * CENT))
        for _ in range(5):
            await asyncio.sleep(0)
        assert not waiting.done()
        done.set()
        await flying
        try:
            await waiting
        except PurseEmptyError:
            return False
        return True

    assert asyncio.run(run()) is fits


def test_without_a_limit_everything_fits_and_is_counted() -> None:
    purse = Purse()

    asyncio.run(_spend(purse, Decimal(0), Decimal(1000)))

    assert (purse.is_limited, purse.spent_usd) == (False, Decimal(1000))


@pytest.mark.parametrize("limit", [Decimal("0.30"), None])
def test_what_an_earlier_pass_left_in_flight_is_spent_until_the_call_is_made_again(limit: Decimal | None) -> None:
    purse = Purse(limit, spent_usd=10 * CENT, in_doubt={"left": 8 * CENT, "lost": 8 * CENT})
    before = purse.spent_usd

    async def run() -> None:
        if limit is not None:
            with pytest.raises(PurseEmptyError, match=r"0\.2600 are spent"):
                await _spend(purse, 5 * CENT, key="other")
        await _spend(purse, 12 * CENT, 7 * CENT, key="left")
        await _spend(purse, 5 * CENT, key="left")

    asyncio.run(run())

    assert (before, purse.spent_usd) == (26 * CENT, 30 * CENT)
