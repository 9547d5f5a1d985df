"""Calls under an `Idempotency-Key`, above any store: each runs once, repeats join it or get what was kept."""

import asyncio
import logging
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Protocol, TypeAlias, assert_never

import msgspec
from msgspec import Struct

from imageway.contract.errors import ImageError
from imageway.gateway.ledger import refusals
from imageway.gateway.ledger.kept_answer import KeptAnswer
from imageway.gateway.ledger.protocol import Claim, ClaimLostError, Finding, Kept, Ledger, LedgerError

__all__ = ("Answered", "KeyedCall", "KeyedCalls", "SentMark", "Sleep", "keyed_calls")

_log = logging.getLogger(__name__)

_LONGEST_KEY_CHARS = 255
_VISIBLE = re.compile(rf"[!-~]{{1,{_LONGEST_KEY_CHARS}}}")


class SentMark(Protocol):
    """To be awaited right before a call goes upstream, once or more often.

    Raises `ImageError`, not billed, where the mark can't be made; the call must not be sent then.
    """

    async def __call__(self) -> None: ...


KeyedCall: TypeAlias = Callable[[SentMark], Awaitable[KeptAnswer]]
Sleep: TypeAlias = Callable[[float], Awaitable[object]]


class Answered(Struct, frozen=True, kw_only=True):
    """An answer; `replayed` says that another request than this one had it drawn, `joined` that it was still at it."""

    answer: KeptAnswer
    replayed: bool
    joined: bool = False


_End: TypeAlias = KeptAnswer | Finding | Exception
"""How a flight ended: with its own answer, with what its claim came upon, or with the fault of its call."""


class _Flight:
    """One attempt, by this process, to claim a slot and run its call. `ended` never holds an exception as such."""

    def __init__(self, claim: Claim, fingerprint: str, *, retry_unknown: bool) -> None:
        self.claim = claim
        self.fingerprint = fingerprint
        self.retry_unknown = retry_unknown
        self.asked = asyncio.Event()
        self.taken = False
        self.sent = False
        self.ended: asyncio.Future[_End] = asyncio.get_running_loop().create_future()


class KeyedCalls:
    """Runs keyed calls in tasks of its own, so that a caller who leaves stops nobody; see `keyed_calls`."""

    def __init__(self, ledger: Ledger, tasks: asyncio.TaskGroup, *, sleep: Sleep, poll_every_s: float) -> None:
        self._ledger = ledger
        self._group = tasks
        self._sleep = sleep
        self._poll_every_s = poll_every_s
        self._flights: dict[str, _Flight] = {}
        self._tasks: set[asyncio.Task[_End]] = set()
        self._closing = False

    async def run(
        self,
        *,
        caller: str,
        key: str,
        fingerprint: str,
        call: KeyedCall,
        retry_unknown: bool = False,
        deadline_s: float | None = None,
    ) -> Answered:
        """The answer of the call under *caller*'s *key*, by running *call* or without it.

        Waits for *deadline_s* at most; a call that runs by then goes on, and its answer is kept. A failure of *call*
        is raised to all who wait for it. Otherwise raises `ImageError`: `invalid_request` for a key that is none,
        `idempotency_conflict`, `outcome_unknown`, `upstream_timeout` at the deadline, and `upstream_unavailable`
        where the ledger can't be used or is closing.
        """
        if not _VISIBLE.fullmatch(key):
            raise refusals.invalid_key(key, _LONGEST_KEY_CHARS)
        slot = sha256(msgspec.json.encode((caller, key))).hexdigest()
        try:
            async with asyncio.timeout(deadline_s):
                end, own = await self._end(slot, fingerprint, call, retry_unknown=retry_unknown)
        except TimeoutError:
            raise refusals.still_under_way() from None
        match end:
            case KeptAnswer():
                return Answered(answer=end, replayed=not own, joined=not own)
            case Kept(answer=answer):
                return Answered(answer=answer, replayed=True)
            case Exception():
                raise end
            case "conflict":
                raise refusals.another_request()
            case "unknown":
                raise refusals.outcome_unknown()
            case "dropped":
                raise refusals.answer_dropped()
            case "taken" | "held":
                raise AssertionError(f"a flight ended as {end}")
            case _:
                assert_never(end)

    async def close(self, drain_s: float | None) -> bool:
        """Refuse new calls, let the running ones end for *drain_s* (None: however long), then cancel them.

        Whether none had to be cancelled.
        """
        self._closing = True
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=drain_s)
        cut = [*self._tasks]
        for task in cut:
            task.cancel()
        if cut:
            await asyncio.wait(cut)
        return not cut

    async def keep_up(self) -> None:
        """Do the ledger's upkeep whenever it is due, for ever."""
        while True:
            await self._sleep(self._ledger.upkeep_every_s)
            try:
                await self._ledger.upkeep([flight.claim for flight in self._flights.values() if flight.taken])
            except Exception:  # noqa: BLE001  # what goes wrong once may work the next time, and no call may fall with it
                _log.exception("ledger.upkeep_failed")

    async def _end(self, slot: str, fingerprint: str, call: KeyedCall, *, retry_unknown: bool) -> tuple[_End, bool]:
        """How the slot's call ended, and whether it was started from here."""
        held = False
        while True:
            flight = self._flights.get(slot)
            own = flight is None
            if flight is None:
                flight = self._begin(slot, fingerprint, call, retry_unknown=retry_unknown, held=held)
            elif flight.fingerprint != fingerprint:
                await flight.asked.wait()
                if flight.taken:
                    return "conflict", False
                continue
            end = await asyncio.shield(flight.ended)
            match end:
                case "held":
                    held = True
                    await self._sleep(self._poll_every_s)
                case "unknown" | "dropped" if retry_unknown and not flight.retry_unknown:
                    continue
                case _:
                    return end, own

    def _begin(self, slot: str, fingerprint: str, call: KeyedCall, *, retry_unknown: bool, held: bool) -> _Flight:
        """*held* says that another process was seen running the slot's call."""
        if self._closing:
            raise refusals.still_under_way() if held else refusals.closing()
        claim = Claim(slot=slot, token=secrets.token_hex(16))
        flight = _Flight(claim, fingerprint, retry_unknown=retry_unknown)

        def land(task: asyncio.Task[_End]) -> None:
            # By callback: a task that is cancelled before its first step never runs a line of its own.
            self._tasks.discard(task)
            del self._flights[slot]
            flight.asked.set()
            interruption = refusals.interrupted() if flight.sent else refusals.closing()
            flight.ended.set_result(interruption if task.cancelled() else task.result())

        flying = self._fly(flight, call, held=held)
        task = self._group.create_task(flying)
        self._flights[slot] = flight
        self._tasks.add(task)
        task.add_done_callback(land)
        return flight

    async def _fly(self, flight: _Flight, call: KeyedCall, *, held: bool) -> _End:
        """Claim and run; every fault but a cancellation is returned, since one that is raised would end all calls."""
        try:
            found = await self._ledger.claim(flight.claim, flight.fingerprint, retry_unknown=flight.retry_unknown)
        except asyncio.CancelledError:
            # The claim may have been made all the same, and would bar the key until its lease is over.
            await self._settle(flight, may_have_billed=False)
            raise
        except LedgerError:
            _log.exception("ledger.claim_failed")
            return refusals.still_under_way() if held else refusals.ledger_unavailable()
        except Exception as error:  # noqa: BLE001  # the edge of a task; raised again to those who wait
            return error
        if found != "taken":
            return found
        flight.taken = True
        flight.asked.set()
        try:
            answer = await call(self._sent_mark(flight))
        except asyncio.CancelledError:
            await self._settle(flight, may_have_billed=flight.sent)
            raise
        except ImageError as error:
            await self._settle(flight, may_have_billed=error.may_have_billed)
            return error
        except Exception as error:  # noqa: BLE001  # the edge of a task; raised again to those who wait
            await self._settle(flight, may_have_billed=flight.sent)
            return error
        try:
            await self._ledger.keep(flight.claim, answer)
        except Exception:  # noqa: BLE001  # the answer is paid for: its caller gets it, and the key stays unknown
            _log.exception("ledger.keep_failed")
        return answer

    def _sent_mark(self, flight: _Flight) -> SentMark:
        async def mark_sent() -> None:
            if flight.sent:
                return
            try:
                await self._ledger.mark_sent(flight.claim)
            except ClaimLostError as error:
                raise refusals.claim_lost() from error
            except LedgerError as error:
                _log.exception("ledger.mark_failed")
                raise refusals.ledger_unavailable() from error
            flight.sent = True

        return mark_sent

    async def _settle(self, flight: _Flight, *, may_have_billed: bool) -> None:
        try:
            if may_have_billed:
                await self._ledger.settle_unknown(flight.claim)
            else:
                await self._ledger.release(flight.claim)
        except Exception:  # noqa: BLE001  # the call's own fault is what its caller must hear of; the key stays taken
            _log.exception("ledger.settle_failed")


@asynccontextmanager
async def keyed_calls(
    ledger: Ledger, *, drain_s: float | None = None, sleep: Sleep = asyncio.sleep, poll_every_s: float = 0.25
) -> AsyncIterator[KeyedCalls]:
    """Keyed calls over *ledger*, which outlives them. At the end, what runs has *drain_s* to be answered.

    Calls under way in other processes are asked after every *poll_every_s*.
    """
    tasks = asyncio.TaskGroup()
    await tasks.__aenter__()
    calls = KeyedCalls(ledger, tasks, sleep=sleep, poll_every_s=poll_every_s)
    keeping_up = tasks.create_task(calls.keep_up())
    try:
        yield calls
    finally:
        try:
            await calls.close(drain_s)
        finally:
            keeping_up.cancel()
            # Not by `async with`: it would wrap what the caller's body raises into a group.
            await tasks.__aexit__(None, None, None)
