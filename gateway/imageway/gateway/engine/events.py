"""What the engine tells its observers. Nothing in here holds a prompt, a picture or a secret."""

from decimal import Decimal
from typing import Protocol

from msgspec import Struct

from imageway.contract.request import Operation

__all__ = ("AttemptFinished", "Observer", "RequestFinished")


class AttemptFinished(Struct, frozen=True, kw_only=True):
    """One call to one target. `code` is `ok` or an `ErrorCode`."""

    request_id: str
    model: str
    provider: str
    upstream_model: str
    attempt: int
    code: str
    seconds: float
    upstream_request_id: str | None = None


class RequestFinished(Struct, frozen=True, kw_only=True):
    """A request's end. `model` is None where the caller's name is configured nowhere; `faults` are violations' codes.
    `key` is the name of the caller's, `cost_usd` None where nobody knows.
    `translated` names the rules by which the request was changed before it went out.

    `upstream_seconds` is the part of `seconds` that was spent waiting for targets.
    """

    request_id: str
    operation: Operation
    model: str | None
    provider: str | None
    code: str
    seconds: float
    upstream_seconds: float
    attempts: int
    images: int
    prompt_chars: int
    input_images: int
    input_bytes: int
    faults: tuple[str, ...] = ()
    translated: tuple[str, ...] = ()
    key: str = ""
    cost_usd: Decimal | None = None


class Observer(Protocol):
    """Somebody who listens. What it raises is logged and doesn't touch the request."""

    def attempt_finished(self, event: AttemptFinished) -> None: ...

    def request_finished(self, event: RequestFinished) -> None: ...
