"""Budgets: what doesn't fit isn't counted, what is counted survives, whoever asks at the same time."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from imageway.contract.errors import ErrorCode, ImageError
from imageway.gateway.access.budgets import BudgetStore, Period, periods_at
from imageway.gateway.access.redis_budgets import RedisBudgets
from imageway.gateway.access.sqlite_budgets import SqliteBudgets

NOW = datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC)
DAY = Period(key="k", name="2026-11-30", limit_micro_usd=100)
MONTH = Period(key="k", name="2026-11", limit_micro_usd=150)


def test_a_call_counts_for_its_utc_day_and_month() -> None:
    assert periods_at(NOW, "k", day_micro_usd=100, month_micro_usd=150) == (DAY, MONTH)
    assert periods_at(NOW, "k", day_micro_usd=None, month_micro_usd=150) == (MONTH,)
    assert periods_at(NOW, "k", day_micro_usd=None, month_micro_usd=None) == ()


@pytest.fixture(params=["sqlite", "redis"])
async def budgets(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[BudgetStore]:
    if request.param == "sqlite":
        store: BudgetStore = SqliteBudgets(tmp_path / "budgets.sqlite3")
    else:
        request.getfixturevalue("empty_redis")
        store = RedisBudgets(request.getfixturevalue("redis_server").url)
    await store.check()
    yield store
    await store.aclose()


async def test_what_fits_to_the_last_digit_is_reserved_and_no_more(budgets: BudgetStore) -> None:
    assert await budgets.reserve((DAY, MONTH), 100) is None
    assert await budgets.reserve((DAY, MONTH), 1) is DAY
    assert await budgets.spent((DAY, MONTH)) == {"2026-11-30": 100, "2026-11": 100}


async def test_a_period_that_is_full_leaves_the_others_untouched(budgets: BudgetStore) -> None:
    await budgets.reserve((MONTH,), 140)

    assert await budgets.reserve((DAY, MONTH), 11) is MONTH
    assert await budgets.spent((DAY, MONTH)) == {"2026-11-30": 0, "2026-11": 140}


async def test_settling_gives_back_what_was_too_much(budgets: BudgetStore) -> None:
    await budgets.reserve((DAY, MONTH), 90)
    await budgets.settle((DAY, MONTH), -60)

    assert await budgets.spent((DAY, MONTH)) == {"2026-11-30": 30, "2026-11": 30}


async def test_keys_do_not_share_a_budget(budgets: BudgetStore) -> None:
    other = Period(key="other", name=DAY.name, limit_micro_usd=100)
    await budgets.reserve((DAY,), 100)

    assert await budgets.reserve((other,), 100) is None


async def test_many_at_once_never_spend_more_than_there_is(budgets: BudgetStore) -> None:
    refused = await asyncio.gather(*(budgets.reserve((DAY, MONTH), 7) for _ in range(40)))

    assert sum(period is None for period in refused) == 14
    assert await budgets.spent((DAY,)) == {"2026-11-30": 98}


async def test_a_restart_forgets_nothing(tmp_path: Path) -> None:
    first = SqliteBudgets(tmp_path / "state" / "budgets.sqlite3")
    await first.reserve((DAY,), 70)
    await first.aclose()
    second = SqliteBudgets(tmp_path / "state" / "budgets.sqlite3")

    assert await second.spent((DAY,)) == {"2026-11-30": 70}
    await second.aclose()


async def test_a_store_that_cannot_be_used_refuses(tmp_path: Path) -> None:
    budgets = SqliteBudgets(tmp_path / "budgets.sqlite3")
    await budgets.aclose()

    with pytest.raises(ImageError) as caught:
        await budgets.reserve((DAY,), 1)

    assert caught.value.code is ErrorCode.UPSTREAM_UNAVAILABLE
    assert caught.value.message == "The gateway can't look up its budgets; nothing was sent."
    assert not caught.value.may_have_billed


def test_a_newer_file_is_not_touched(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "b") as connection:
        connection.execute("PRAGMA user_version = 2")
    connection.close()

    with pytest.raises(ValueError, match=r"was written by a newer release \(schema 2, this one knows 1\)"):
        SqliteBudgets(tmp_path / "b")
