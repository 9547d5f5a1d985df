"""What callers are told when a keyed call isn't run."""

from imageway.contract.errors import ErrorCode, ImageError

__all__ = (
    "another_request",
    "answer_dropped",
    "claim_lost",
    "closing",
    "interrupted",
    "invalid_key",
    "ledger_unavailable",
    "outcome_unknown",
    "still_under_way",
)


def invalid_key(key: str, longest_chars: int) -> ImageError:
    fault = f"it is {len(key)} characters long" if not 1 <= len(key) <= longest_chars else "it has others in it"
    return ImageError(
        ErrorCode.INVALID_REQUEST,
        f"The header Idempotency-Key must be 1 to {longest_chars} visible ASCII characters, but {fault}.",
    )


def another_request() -> ImageError:
    return ImageError(
        ErrorCode.IDEMPOTENCY_CONFLICT,
        "This Idempotency-Key was used for another request: the operation, the model, a parameter or a picture differs."
        " Send the same request again, or this one under a new key.",
    )


def outcome_unknown() -> ImageError:
    return ImageError(
        ErrorCode.OUTCOME_UNKNOWN,
        "The call under this Idempotency-Key was sent and never answered here: it may have been drawn and charged for."
        " To send it again, and perhaps pay twice, add the header imageway-retry-unknown: true.",
        may_have_billed=True,
    )


def answer_dropped() -> ImageError:
    return ImageError(
        ErrorCode.OUTCOME_UNKNOWN,
        "The call under this Idempotency-Key was answered, but its answer is not kept: it was too large, or made room"
        " for later ones. To send it again, and pay again, add the header imageway-retry-unknown: true.",
        may_have_billed=True,
    )


def still_under_way() -> ImageError:
    return ImageError(
        ErrorCode.UPSTREAM_TIMEOUT,
        "The call under this Idempotency-Key is still under way, and its answer will be kept."
        " Send the same request again under the same key to get it.",
        may_have_billed=True,
    )


def ledger_unavailable() -> ImageError:
    return ImageError(
        ErrorCode.UPSTREAM_UNAVAILABLE,
        "The gateway's ledger can't be used, so calls with an Idempotency-Key are refused; nothing was sent.",
    )


def claim_lost() -> ImageError:
    return ImageError(
        ErrorCode.UPSTREAM_UNAVAILABLE,
        "The gateway was held up and lost its claim on this Idempotency-Key; nothing was sent. Send the request again.",
    )


def closing() -> ImageError:
    return ImageError(
        ErrorCode.UPSTREAM_UNAVAILABLE, "The gateway is shutting down; nothing was sent. Send the request again."
    )


def interrupted() -> ImageError:
    return ImageError(
        ErrorCode.OUTCOME_UNKNOWN,
        "The gateway shut down before the call under this Idempotency-Key was answered: it may have been drawn and"
        " charged for. To send it again, and perhaps pay twice, add the header imageway-retry-unknown: true.",
        may_have_billed=True,
    )
