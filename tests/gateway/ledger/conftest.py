from pathlib import Path

import pytest

from fakes.ledger_stores import RedisStore, SqliteStore, Store
from redis_server import RedisServer


@pytest.fixture
def sqlite_store(tmp_path: Path) -> SqliteStore:
    return SqliteStore(tmp_path / "state" / "ledger.sqlite3")


@pytest.fixture
def redis_store(redis_server: RedisServer) -> RedisStore:
    return RedisStore(redis_server.url)


@pytest.fixture(params=["sqlite_store", "redis_store"])
def store(request: pytest.FixtureRequest) -> Store:
    found: Store = request.getfixturevalue(request.param)
    return found
