"""Everything that can go wrong with a call, as one closed family.

    ImageError                    carries an ErrorCode; the table below gives its HTTP status and log level
    ├── UnsupportedError          the request exceeds the model's spec; every violation is listed
    └── UnknownModelError         nobody configured that name

Vendor errors become an `ImageError` once, where the vendor's library is called.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Literal, NamedTuple

from msgspec import Struct

from imageway.contract.request import JsonValue, Scalar

__all__ = ("ErrorCode", "ImageError", "Reaction", "UnknownModelError", "UnsupportedError", "Violation", "reaction")


class ErrorCode(StrEnum):
    """The closed set of faults. Values are stable: clients may branch on them."""

    UNSUPPORTED = "unsupported"
    INVALID_REQUEST = "invalid_request"
    CONTENT_REJECTED = "content_rejected"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    UNKNOWN_MODEL = "unknown_model"
    NOT_FOUND = "not_found"
    IDEMPOTENCY_CONFLICT = "idempotency_conflict"
    OUTCOME_UNKNOWN = "outcome_unknown"
    PAYLOAD_TOO_LARGE = "payload_too_large"
    RATE_LIMITED = "rate_limited"
    BUDGET_EXHAUSTED = "budget_exhausted"
    UPSTREAM_AUTH = "upstream_auth"
    UPSTREAM_UNAVAILABLE = "upstream_unavailable"
    UPSTREAM_TIMEOUT = "upstream_timeout"
    INTERNAL = "internal"


class Reaction(NamedTuple):
    """What the gateway answers and how loudly it logs."""

    status: int
    level: Literal["info", "warning", "error"]


_REACTIONS: dict[ErrorCode, Reaction] = {
    ErrorCode.UNSUPPORTED: Reaction(400, "info"),
    ErrorCode.INVALID_REQUEST: Reaction(400, "info"),
    ErrorCode.CONTENT_REJECTED: Reaction(400, "info"),
    ErrorCode.UNAUTHENTICATED: Reaction(401, "warning"),
    ErrorCode.FORBIDDEN: Reaction(403, "warning"),
    ErrorCode.UNKNOWN_MODEL: Reaction(400, "info"),
    ErrorCode.NOT_FOUND: Reaction(404, "info"),
    ErrorCode.IDEMPOTENCY_CONFLICT: Reaction(422, "info"),
    ErrorCode.OUTCOME_UNKNOWN: Reaction(409, "warning"),
    ErrorCode.PAYLOAD_TOO_LARGE: Reaction(413, "info"),
    ErrorCode.RATE_LIMITED: Reaction(429, "warning"),
    ErrorCode.BUDGET_EXHAUSTED: Reaction(429, "warning"),
    ErrorCode.UPSTREAM_AUTH: Reaction(502, "error"),
    ErrorCode.UPSTREAM_UNAVAILABLE: Reaction(502, "warning"),
    ErrorCode.UPSTREAM_TIMEOUT: Reaction(504, "warning"),
    ErrorCode.INTERNAL: Reaction(500, "error"),
}


def reaction(code: ErrorCode) -> Reaction:
    return _REACTIONS[code]


class Violation(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One way in which a request exceeds a spec.

    `type`, `code` and `message` are the upstream's own where they are known. `value` is what the caller sent, None for
    prompts and files. `allowed` lists the values, or tells the range in words. `accepted_by` names the configured
    models to which this parameter of this request would be no fault.
    """

    param: str
    message: str
    code: str
    type: str = "invalid_request_error"
    value: Scalar = None
    allowed: Sequence[Scalar] | str | None = None
    accepted_by: tuple[str, ...] = ()


class ImageError(Exception):
    """A call that ended without pictures.

    `message` is a sentence for the caller: no secrets, no prompt text. `upstream_code` and `upstream_type` are the
    vendor's words where there are any. `may_have_billed` says that the vendor may have drawn, and charged for, what
    nobody received. `waiting_helps` says whether the same call may do better later, None where nobody knows. `details`
    is further data that is safe to show. `attempts` and `target` are how far the call came: how often a target was
    asked, and which one last.
    """

    def __init__(
        self,
        code: ErrorCode,
        message: str,
        *,
        param: str | None = None,
        upstream_type: str | None = None,
        upstream_code: str | None = None,
        upstream_request_id: str | None = None,
        may_have_billed: bool = False,
        retry_after_s: float | None = None,
        waiting_helps: bool | None = None,
        details: JsonValue = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.param = param
        self.upstream_type = upstream_type
        self.upstream_code = upstream_code
        self.upstream_request_id = upstream_request_id
        self.may_have_billed = may_have_billed
        self.retry_after_s = retry_after_s
        self.waiting_helps = waiting_helps
        self.details = details
        self.attempts = 0
        self.target: str | None = None


class UnsupportedError(ImageError):
    """The request is beyond what *model* does; raised before anything is sent.

    `accepted_by` names the configured models that would take the request as it is.
    """

    def __init__(self, *, model: str, violations: Iterable[Violation], accepted_by: Iterable[str] = ()) -> None:
        self.model = model
        self.violations = tuple(violations)
        self.accepted_by = tuple(accepted_by)
        first = self.violations[0]
        super().__init__(
            ErrorCode.UNSUPPORTED,
            self._sentence(),
            param=first.param,
            upstream_type=first.type,
            upstream_code=first.code,
        )

    def _sentence(self) -> str:
        first, *others = self.violations
        sentence = first.message
        if others:
            sentence += " Also at fault: " + " ".join(f"{other.param}: {other.message}" for other in others)
        if self.accepted_by:
            sentence += f" Models here that accept this request: {', '.join(self.accepted_by)}."
        return sentence


class UnknownModelError(ImageError):
    """Nobody configured *model*; `known` names what there is."""

    def __init__(self, *, model: str, known: Iterable[str], closest: str | None = None) -> None:
        self.model = model
        self.known = tuple(known)
        hint = f" Did you mean '{closest}'?" if closest else ""
        super().__init__(
            ErrorCode.UNKNOWN_MODEL,
            f"The model '{model}' does not exist.{hint} Models here: {', '.join(self.known) or 'none'}.",
            param="model",
            upstream_type="image_generation_user_error",
            upstream_code="invalid_value",
        )
