"""What may follow a fault: nothing is sent again unless it is known that nobody drew, and charged for, the picture."""

from imageway.contract.errors import ErrorCode, ImageError
from imageway.gateway.engine.breaker import Verdict
from imageway.gateway.engine.patience import GivenUpError

__all__ = ("may_fall_back", "may_retry", "verdict_on")

_OF_THE_TARGET = frozenset(
    (ErrorCode.RATE_LIMITED, ErrorCode.UPSTREAM_AUTH, ErrorCode.UPSTREAM_UNAVAILABLE, ErrorCode.UPSTREAM_TIMEOUT)
)
"""Faults of a target rather than of the request: the next target may do better."""

_PASSING = frozenset((ErrorCode.RATE_LIMITED, ErrorCode.UPSTREAM_UNAVAILABLE))


def may_fall_back(error: ImageError, *, may_pay_twice: bool = False) -> bool:
    """Whether the next target may be asked after *error*, of an upstream call."""
    return error.code in _OF_THE_TARGET and (may_pay_twice or not error.may_have_billed)


def may_retry(error: ImageError, *, may_pay_twice: bool = False) -> bool:
    """Whether the same target may be asked again after *error*, of an upstream call, and a wait."""
    if error.may_have_billed:
        return may_pay_twice and error.code in _OF_THE_TARGET
    if error.code not in _PASSING or error.waiting_helps is False:
        return False
    return error.waiting_helps is True or error.retry_after_s is not None


def verdict_on(error: BaseException | None, *, silent_s: float) -> Verdict:
    """What the end of an upstream call tells of its target.

    A caller who gives up says nothing of it, unless nothing was heard for *silent_s* by then.
    A vendor who limits rates and says until when is left alone that long, and works.
    """
    match error:
        case None:
            return "works"
        case GivenUpError(of_caller=True) if error.waited_s < silent_s:
            return "says_nothing"
        case ImageError(code=ErrorCode.RATE_LIMITED) if error.retry_after_s is not None:
            return "says_nothing"
        case ImageError() if error.code in _OF_THE_TARGET:
            return "fails"
        case _:
            return "says_nothing"
