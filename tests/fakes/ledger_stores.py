"""Real stores for ledgers: each test gets an empty one."""

from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol

from redis import Redis

from imageway.gateway.ledger.protocol import Ledger
from imageway.gateway.ledger.redis import open_redis_ledger
from imageway.gateway.ledger.sqlite import open_sqlite_ledger


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_000_000.0

    def __call__(self) -> float:
        return self.now_s


class Store(Protocol):
    """Opens its ledger as often as a test likes."""

    def open(self, *, max_bytes: int = ..., max_answer_bytes: int = ...) -> AbstractAsyncContextManager[Ledger]: ...


class SqliteStore:
    def __init__(self, file: Path) -> None:
        self.file = file
        self.clock = Clock()

    @property
    def bodies(self) -> list[Path]:
        return sorted(self.file.with_name(f"{self.file.name}.answers").iterdir())

    def open(
        self, *, max_bytes: int = 1_000_000, max_answer_bytes: int = 1_000_000, keep_s: float = 3600
    ) -> AbstractAsyncContextManager[Ledger]:
        return open_sqlite_ledger(
            self.file, keep_s=keep_s, max_bytes=max_bytes, max_answer_bytes=max_answer_bytes, clock=self.clock
        )


class RedisStore:
    def __init__(self, url: str, *, lease_s: float = 30.0) -> None:
        self.url = url
        self.lease_s = lease_s
        with self.client() as client:
            client.flushall()

    def client(self) -> Redis:
        return Redis.from_url(self.url)

    def open(
        self,
        *,
        max_bytes: int = 1_000_000,
        max_answer_bytes: int = 1_000_000,
        keep_s: float = 3600,
    ) -> AbstractAsyncContextManager[Ledger]:
        return open_redis_ledger(
            self.url, keep_s=keep_s, max_bytes=max_bytes, max_answer_bytes=max_answer_bytes, lease_s=self.lease_s
        )
