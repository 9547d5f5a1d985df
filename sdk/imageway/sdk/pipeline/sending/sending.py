"""Calls on their way to the gateway: within the budget, at the pace that it bears, and again where it says so."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from random import Random
from typing import Literal, Protocol, TypeAlias, TypeVar

from imageway.contract.cost import Estimate
from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.request import ImageRequest
from imageway.contract.result import ImageResult
from imageway.sdk.pipeline.events import Listener
from imageway.sdk.pipeline.sending.line import Line
from imageway.sdk.pipeline.sending.pace import Pace, PaceClosedError
from imageway.sdk.pipeline.sending.purse import Purse, PurseEmptyError, Reservation

__all__ = ("NotSentError", "Sender", "Unsent")

Unsent: TypeAlias = Literal["budget", "time", "interrupted"]
CostOf: TypeAlias = Callable[[ImageResult], Decimal | None]

T = TypeVar("T")


class NotSentError(Exception):
    """A call wasn't sent, and none will be: the run is at its end."""

    def __init__(self, cause: Unsent, reason: str) -> None:
        super().__init__(reason)
        self.cause: Unsent = cause
        self.reason = reason


class Client(Protocol):
    """What sending needs of `AsyncClient`."""

    async def send(self, request: ImageRequest, *, idempotency_key: str | None = None) -> ImageResult: ...


class Prices(Protocol):
    """What calls may cost; see `Tariff`."""

    async def estimate(self, request: ImageRequest) -> Estimate | None: ...


class Sender:
    """Sends the calls of a run. *random* spreads those that are sent again."""

    def __init__(
        self,
        client: Client,
        *,
        pace: Pace,
        purse: Purse,
        prices: Prices,
        on_event: Listener,
        random: Random | None = None,
    ) -> None:
        self._client = client
        self._prices = prices
        spread = random or Random()  # noqa: S311  # nothing is secret about it
        self._line = Line(pace, on_event=on_event, random=spread)
        self._others: dict[str, Line] = {}
        self._end: tuple[Unsent, str] | None = None
        self.purse = purse

    async def close(self, cause: Unsent, reason: str) -> None:
        """Send nothing any more, nor what waits to be sent; what is in flight goes on."""
        self._end = self._end or (cause, reason)
        for line in (self._line, *self._others.values()):
            await line.close()

    async def send(
        self,
        request: ImageRequest,
        key: str,
        *,
        cost_of: CostOf,
        reserved: Callable[[Decimal], Awaitable[None]],
    ) -> ImageResult:
        """Have *request* answered under the idempotency key *key*; *cost_of* says what its answer came to.

        Where there is a budget, *reserved* is awaited with the most that the call may cost, before it is sent. What the
        gateway refuses for now is sent again, under the same key, for up to a quarter of an hour.

        Raises `NotSentError`, and `ImageError` as the client does.
        """
        try:
            high_usd = await self._high_usd(request)
            async with self.purse.aside(key, high_usd) as reservation:
                if self.purse.is_limited:
                    await reserved(high_usd)
                return await self._sent(request, key, reservation, cost_of)
        except PurseEmptyError as error:
            raise await self._ended(str(error)) from error

    async def _high_usd(self, request: ImageRequest) -> Decimal:
        if not self.purse.is_limited:
            return Decimal()
        estimate = await self._prices.estimate(request)
        if estimate is None:
            raise await self._ended(
                f"Nobody knows a price of the model '{request.model}', so a run with a budget can't use it."
            )
        return estimate.high_usd

    async def write(self, endpoint: str, ask: Callable[[], Awaitable[T]]) -> T:
        """Have *ask* answered by a chat *endpoint*, each of which has a pace of its own. Nothing of it is priced.

        Raises `NotSentError`, and `ImageError` as *ask* does.
        """
        if self._end is not None:
            raise self._given_up()
        if endpoint not in self._others:
            self._others[endpoint] = self._line.another()
        try:
            return await self._others[endpoint].answered(ask)
        except PaceClosedError as error:
            raise self._given_up() from error

    async def _sent(self, request: ImageRequest, key: str, reservation: Reservation, cost_of: CostOf) -> ImageResult:
        async def ask() -> ImageResult:
            reservation.came_to_usd = reservation.high_usd  # until more is known of how it ends
            try:
                return await self._client.send(request, idempotency_key=key)
            except ImageError as error:
                if not error.may_have_billed:
                    reservation.came_to_usd = Decimal()
                if error.code is ErrorCode.BUDGET_EXHAUSTED:
                    raise await self._ended(error.message) from error
                raise

        reservation.came_to_usd = Decimal()
        try:
            result = await self._line.answered(ask)
        except PaceClosedError as error:
            raise self._given_up() from error
        cost_usd = cost_of(result)
        if cost_usd is not None:
            reservation.came_to_usd = cost_usd
        return result

    def _given_up(self) -> NotSentError:
        return NotSentError(*(self._end or ("interrupted", "The run was stopped.")))

    async def _ended(self, reason: str) -> NotSentError:
        """The budget is at its end, and with it the run."""
        await self.close("budget", reason)
        return NotSentError("budget", reason)
