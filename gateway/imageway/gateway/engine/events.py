"""What the engine tells its observers. Nothing in here holds a prompt, a picture or a secret."""

from decimal import Decimal
from typing import Literal, TypeAlias

from msgspec import Struct

from imageway.contract.request import Operation
from imageway.contract.result import Usage
from imageway.gateway.access.limit import Limit
from imageway.providers.registry import Registry

__all__ = (
    "AttemptFinished",
    "AttemptStarted",
    "BreakerChanged",
    "BreakerState",
    "ConfigurationReloaded",
    "NextStep",
    "Observer",
    "PassReason",
    "PictureIn",
    "RequestFinished",
    "RequestReplayed",
    "Store",
    "StoreFailed",
    "TargetPassedOver",
    "TargetRested",
)

NextStep: TypeAlias = Literal["answer", "fallback", "retry", "error"]
"""What came after an attempt: its answer went out, another target was asked at once, some target was asked again after
a wait, or the caller was told of the fault.
"""

BreakerState: TypeAlias = Literal["closed", "open", "half_open"]
"""A target is asked, isn't asked, or is asked by one caller whose call decides."""

PassReason: TypeAlias = Literal["resting", "breaker", "in_flight", "requests_per_minute", "images_per_minute"]
"""Why a target wasn't asked: it wants to be left alone, its breaker is open, or it is full."""

Store: TypeAlias = Literal["rates", "in_flight", "budgets"]
"""What callers' limits are looked up in."""


class AttemptFinished(Struct, frozen=True, kw_only=True):
    """One call to one target. `code` is `ok`, `cancelled` or an `ErrorCode`.

    With `may_have_billed` the vendor may charge for what nobody received. `call` is the same for all that is told of
    one request, and only for that: `request_id` may be its caller's word, and others' too.
    """

    request_id: str
    model: str
    provider: str
    upstream_model: str
    attempt: int
    code: str
    seconds: float
    followed_by: NextStep
    may_have_billed: bool = False
    upstream_request_id: str | None = None
    call: object = None


class AttemptStarted(Struct, frozen=True, kw_only=True):
    """A call to one target is about to be made, in the task that tells of it; `AttemptFinished` follows."""

    request_id: str
    model: str
    provider: str
    upstream_model: str
    attempt: int
    call: object = None


class TargetPassedOver(Struct, frozen=True, kw_only=True):
    """A target that a request would have gone to, and that wasn't asked."""

    request_id: str
    model: str
    provider: str
    upstream_model: str
    reason: PassReason


class BreakerChanged(Struct, frozen=True, kw_only=True):
    """A target's breaker is in another `state`. `code` is the fault that opened it; it stays open for `seconds`."""

    provider: str
    upstream_model: str
    state: BreakerState
    code: str | None = None
    seconds: float = 0.0


class TargetRested(Struct, frozen=True, kw_only=True):
    """A target isn't asked for `seconds`, for any caller, because the vendor said so."""

    provider: str
    upstream_model: str
    seconds: float


class PictureIn(Struct, frozen=True, kw_only=True):
    """A picture that came with a request, without its content. `role` is `image`, `mask` or `markup`."""

    role: str
    format: str
    bytes: int
    width_px: int
    height_px: int


class RequestFinished(Struct, frozen=True, kw_only=True):
    """A request's end. `model` is None where the caller's name is configured nowhere; `faults` are violations' codes,
    `fault_params` the parameters at fault, one for each, which may be words of the caller's own.
    `key` is the name of the caller's, `cost_usd` None where nobody knows.
    `translated` names the rules by which the request was changed before it went out.

    `upstream_seconds` is the part of `seconds` that was spent waiting for targets, `wait_seconds` the part between
    attempts; a stream showed its first picture, or preview, after `first_picture_seconds`. `images` may be fewer
    than `asked_images` though all went well; `image_bytes` counts those that aren't links.
    `estimated_usd` is the most that it could cost, where there are prices and something was sent. `prompt_sha256` is
    cut to 16 digits, and empty without a prompt. `keyed` calls came under an `Idempotency-Key`.
    `limit` is the one of its key by which a request was refused.
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
    asked_images: int = 1
    wait_seconds: float = 0.0
    first_picture_seconds: float | None = None
    fault_params: tuple[str, ...] = ()
    image_bytes: int = 0
    usage: Usage | None = None
    estimated_usd: Decimal | None = None
    upstream_model: str | None = None
    prompt_sha256: str = ""
    pictures_in: tuple[PictureIn, ...] = ()
    streamed: bool = False
    keyed: bool = False
    limit: Limit | None = None
    call: object = None


class RequestReplayed(Struct, frozen=True, kw_only=True):
    """A keyed call that was answered with what another request had drawn; nothing was sent for it.

    One that `joined` came while that request was under way.
    """

    request_id: str
    operation: Operation
    model: str
    key: str
    joined: bool = False


class StoreFailed(Struct, frozen=True, kw_only=True):
    """A store of limits or budgets that couldn't be used: a call was `refused` for it, or else passes uncounted.

    `error` is the name of what the store's library raised.
    """

    store: Store
    refused: bool
    error: str


class ConfigurationReloaded(Struct, frozen=True, kw_only=True):
    """The configuration was read anew: it is `used`, or else it was refused and the one before stays."""

    used: bool


class Observer:
    """Somebody who listens, to all of this or to some. What it raises is logged and doesn't touch the request."""

    def configured(self, registry: Registry) -> None:
        """These are the models and targets, from now on."""

    def attempt_started(self, event: AttemptStarted) -> None:
        """A target is being asked."""

    def attempt_finished(self, event: AttemptFinished) -> None:
        """A call to a target has ended, and it is decided what follows."""

    def target_passed_over(self, event: TargetPassedOver) -> None:
        """A target was left out."""

    def breaker_changed(self, event: BreakerChanged) -> None:
        """A target's breaker opened, closed, or lets one call through."""

    def target_rested(self, event: TargetRested) -> None:
        """A target is left alone for a while."""

    def request_finished(self, event: RequestFinished) -> None:
        """A request has ended; each does so once."""

    def request_replayed(self, event: RequestReplayed) -> None:
        """A kept answer went out again."""

    def store_failed(self, event: StoreFailed) -> None:
        """Limits or budgets couldn't be looked up."""

    def configuration_reloaded(self, event: ConfigurationReloaded) -> None:
        """The configuration was read anew."""
