"""Calls to be run under keys, and the money that they cost."""

import asyncio
from typing import Any

from imageway.contract.errors import ErrorCode, ImageError
from imageway.gateway.ledger.kept_answer import KeptAnswer
from imageway.gateway.ledger.keyed import Answered, KeyedCall, KeyedCalls, SentMark

UNBILLED = ImageError(ErrorCode.RATE_LIMITED, "Slow down.")
BILLED = ImageError(ErrorCode.UPSTREAM_TIMEOUT, "No answer.", may_have_billed=True)


def answer(body: bytes = b"picture") -> KeptAnswer:
    return KeptAnswer(status=200, headers={"imageway-target": "a/b"}, body=body)


class Till:
    """Makes calls; `paid` counts those that went upstream and weren't refused there."""

    def __init__(self) -> None:
        self.paid = 0

    def answering(self, body: bytes = b"picture") -> KeyedCall:
        async def call(mark_sent: SentMark) -> KeptAnswer:
            await mark_sent()
            self.paid += 1
            return answer(body)

        return call

    def failing(self, error: BaseException, *, sent: bool = True, paid: bool = False) -> KeyedCall:
        async def call(mark_sent: SentMark) -> KeptAnswer:
            if sent:
                await mark_sent()
            self.paid += paid
            raise error

        return call

    def held(self) -> "Held":
        return Held(self)


class Held:
    """A call that has been sent and isn't answered until `go` is set."""

    def __init__(self, till: Till) -> None:
        self._till = till
        self.sent = asyncio.Event()
        self.go = asyncio.Event()

    async def sent_by(self, asking: "asyncio.Task[Answered]") -> None:
        """Wait until the call has been sent; raises what *asking* raises where it ends before."""
        sending = asyncio.create_task(self.sent.wait())
        await asyncio.wait((asking, sending), return_when=asyncio.FIRST_COMPLETED)
        sending.cancel()
        if not self.sent.is_set():
            await asking
            raise AssertionError("answered without having been sent")

    async def __call__(self, mark_sent: SentMark) -> KeptAnswer:
        await mark_sent()
        self._till.paid += 1
        self.sent.set()
        await self.go.wait()
        return answer()


async def run(calls: KeyedCalls, call: KeyedCall, key: str = "k", fingerprint: str = "f", **options: Any) -> Answered:
    return await calls.run(caller="team", key=key, fingerprint=fingerprint, call=call, **options)


async def refusal(
    calls: KeyedCalls, call: KeyedCall, key: str = "k", fingerprint: str = "f", **options: Any
) -> ImageError:
    """What `run` refuses with."""
    try:
        answered = await run(calls, call, key, fingerprint, **options)
    except ImageError as error:
        return error
    raise AssertionError(f"answered: {answered}")
