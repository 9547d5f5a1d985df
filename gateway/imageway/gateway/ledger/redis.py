"""The ledger of several gateways: a Redis that all of them reach. A process that dies is told by its expired leases."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.exceptions import RedisError

from imageway.gateway.ledger.kept_answer import KeptAnswer, head_of, kept_answer
from imageway.gateway.ledger.protocol import Claim, ClaimLostError, Finding, Kept, LedgerError
from imageway.gateway.ledger.redis_scripts import CLAIM, KEEP, MARK_SENT, RENEW, SETTLE
from imageway.gateway.stores.place import StoreError
from imageway.gateway.stores.redis import check_keeps, redis_client, unusable

__all__ = ("RedisLedger", "open_redis_ledger")

_PREFIX = "imageway:1:"
"""All keys stand under it. The number is that of the schema: gateways of another one have a ledger of their own."""

_BODIES = f"{_PREFIX}body:"
_TIMEOUT_S = 5.0
"""For connecting, and for each read and write."""


class RedisLedger:
    """The calls of every process on one Redis; open it with `open_redis_ledger`."""

    def __init__(self, client: Redis, *, keep_s: float, max_bytes: int, max_answer_bytes: int, lease_s: float) -> None:
        self._client = client
        self._keep_ms = round(keep_s * 1000)
        self._max_bytes = max_bytes
        self._max_answer_bytes = min(max_answer_bytes, max_bytes)
        self._lease_s = lease_s
        self._lease_ms = round(lease_s * 1000)
        self._claim_script = client.register_script(CLAIM)
        self._mark_script = client.register_script(MARK_SENT)
        self._keep_script = client.register_script(KEEP)
        self._settle_script = client.register_script(SETTLE)
        self._renew_script = client.register_script(RENEW)

    @property
    def upkeep_every_s(self) -> float:
        """Two renewals may fail before a lease runs out."""
        return self._lease_s / 3

    async def check(self) -> None:
        """Raises `LedgerError` where there is no Redis, or one that may forget a key to make room."""
        try:
            await check_keeps("the ledger", self._client, otherwise="calls would be paid for twice")
        except StoreError as error:
            raise LedgerError(str(error)) from error

    async def claim(self, claim: Claim, fingerprint: str, *, retry_unknown: bool) -> Finding:
        found = await self._run(
            self._claim_script,
            claim,
            fingerprint,
            claim.token,
            self._lease_ms,
            self._keep_ms,
            int(retry_unknown),
            _BODIES,
        )
        match found:
            case [b"answered", bytes() as head, bytes() as body]:
                return Kept(answer=kept_answer(head, body))
            case [b"taken"]:
                return "taken"
            case [b"held"]:
                return "held"
            case [b"conflict"]:
                return "conflict"
            case [b"unknown"]:
                return "unknown"
            case [b"dropped"]:
                return "dropped"
            case _:
                raise LedgerError("the ledger's Redis gave an answer that makes no sense")

    async def mark_sent(self, claim: Claim) -> None:
        _expect_ours(await self._run(self._mark_script, claim, claim.token, self._lease_ms, self._keep_ms))

    async def keep(self, claim: Claim, answer: KeptAnswer) -> None:
        small = len(answer.body) <= self._max_answer_bytes
        done = await self._run(
            self._keep_script,
            claim,
            claim.token,
            self._keep_ms,
            head_of(answer),
            _BODIES,
            claim.slot,
            self._max_bytes,
            int(small),
            answer.body if small else b"",
        )
        _expect_ours(done)

    async def settle_unknown(self, claim: Claim) -> None:
        await self._run(self._settle_script, claim, claim.token, 0, self._keep_ms)

    async def release(self, claim: Claim) -> None:
        await self._run(self._settle_script, claim, claim.token, 1, self._keep_ms)

    async def upkeep(self, claims: Sequence[Claim]) -> None:
        """Renew the leases; what is over, Redis removes by itself."""
        for claim in claims:
            await self._run(self._renew_script, claim, claim.token, self._lease_ms, self._keep_ms)

    async def _run(self, script: AsyncScript, claim: Claim, *arguments: str | int | bytes) -> object:
        keys = [f"{_PREFIX}{name}" for name in (f"call:{claim.slot}", f"lease:{claim.slot}", "bodies", "bytes")]
        try:
            answer: object = await script(keys=keys, args=arguments)
        except (RedisError, OSError) as error:
            raise _unusable(error) from error
        return answer


def _expect_ours(done: object) -> None:
    if done != 1:
        raise ClaimLostError("the claim is gone from the ledger: its lease ran out")


def _unusable(error: Exception) -> LedgerError:
    return LedgerError(str(unusable("the ledger", error)))


@asynccontextmanager
async def open_redis_ledger(
    url: str, *, keep_s: float, max_bytes: int, max_answer_bytes: int, lease_s: float = 30.0
) -> AsyncIterator[RedisLedger]:
    """The ledger in the Redis at *url*. Raises `LedgerError` where it can't be reached, or is none to rely on.

    A process that doesn't renew its claims for *lease_s* counts as dead.
    """
    try:
        client = redis_client("the ledger", url, timeout_s=_TIMEOUT_S)
    except StoreError as error:
        raise LedgerError(str(error)) from error
    async with client:
        ledger = RedisLedger(
            client, keep_s=keep_s, max_bytes=max_bytes, max_answer_bytes=max_answer_bytes, lease_s=lease_s
        )
        await ledger.check()
        yield ledger
