"""The configuration's `ledger`: which stores it may name, and what it says of the others."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from fakes.keyed import Till, run
from imageway.gateway.ledger.keyed import keyed_calls
from imageway.gateway.ledger.opening import LedgerSettings, check_store, open_ledger
from imageway.gateway.ledger.protocol import LedgerError
from redis_server import RedisServer


def replayed(settings: LedgerSettings, folder: Path, **environ: str) -> list[bool]:
    """Whether the second opening knows the first one's call."""

    async def once() -> bool:
        check_store(settings, environ)
        async with open_ledger(settings, folder, environ=environ) as ledger, keyed_calls(ledger) as calls:
            return (await run(calls, Till().answering(), key=folder.name)).replayed

    return [asyncio.run(once()), asyncio.run(once())]


def test_by_default_it_is_a_file_beside_the_configuration(tmp_path: Path) -> None:
    assert replayed(LedgerSettings(), tmp_path) == [False, True]
    assert (tmp_path / "state" / "ledger.sqlite3").is_file()


def test_a_redis_is_named_openly_or_by_reference(tmp_path: Path, redis_server: RedisServer) -> None:
    (tmp_path / "address").write_text(redis_server.url)
    (tmp_path / "one").mkdir()

    assert replayed(LedgerSettings(store=redis_server.url), tmp_path / "one") == [False, True]
    assert replayed(LedgerSettings(store="env:LEDGER"), tmp_path / "one", LEDGER=redis_server.url) == [True, True]
    assert replayed(LedgerSettings(store=f"file:{tmp_path / 'address'}"), tmp_path / "one") == [True, True]


@pytest.mark.parametrize(
    ("store", "sentence"),
    [
        (
            "state/ledger.sqlite3",
            "ledger.store is 'state/ledger.sqlite3', but must be sqlite:FILE, redis://HOST:PORT/DATABASE, rediss://...,"
            " or a reference to such a Redis address: env:NAME or file:PATH",
        ),
        (
            "sqlite:",
            "ledger.store is 'sqlite:', but must be sqlite:FILE, redis://HOST:PORT/DATABASE, rediss://..., or a"
            " reference to such a Redis address: env:NAME or file:PATH",
        ),
        (
            "redis://:hunter2@cache/0",
            "ledger.store has a password in it; put the whole address into an environment variable or a file, and say"
            " env:NAME or file:PATH",
        ),
        (
            "redis://cache/0?password=hunter2",
            "ledger.store has a password in it; put the whole address into an environment variable or a file, and say"
            " env:NAME or file:PATH",
        ),
        ("env:NOWHERE", "ledger.store: the environment variable NOWHERE is not set"),
        ("env:OTHER", "ledger.store: what stands behind env:OTHER is no redis:// or rediss:// address"),
    ],
)
def test_a_store_that_can_not_be_one_is_refused_with_a_sentence(tmp_path: Path, store: str, sentence: str) -> None:
    settings = LedgerSettings(store=store)

    with pytest.raises(LedgerError) as checked:
        check_store(settings, {"OTHER": "https://secret"})
    with pytest.raises(LedgerError) as opened:
        replayed(settings, tmp_path, OTHER="https://secret")
    assert (str(checked.value), str(opened.value)) == (sentence, sentence)


def test_a_redis_that_is_not_there_is_told_without_its_address(tmp_path: Path) -> None:
    with pytest.raises(LedgerError) as caught:
        replayed(LedgerSettings(store="env:LEDGER"), tmp_path, LEDGER="redis://:hunter2@127.0.0.1:1/0")
    assert str(caught.value) == "the ledger's Redis can't be used (ConnectionError)"


def test_without_the_extra_it_says_what_to_install() -> None:
    program = """
import sys
sys.modules["redis"] = None
from imageway.gateway.ledger.opening import LedgerSettings, check_store
from imageway.gateway.ledger.protocol import LedgerError
check_store(LedgerSettings())
try:
    check_store(LedgerSettings(store="redis://cache/0"))
except LedgerError as error:
    print(error)
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert ran.stdout == ("ledger.store is a Redis, which needs the package 'redis': pip install 'imageway[redis]'\n")
