"""When another target may be asked: only where it is known that nobody has drawn, and charged for, the picture."""

from imageway.contract.errors import ErrorCode, ImageError

__all__ = ("may_fall_back",)

_ELSEWHERE = frozenset(
    (ErrorCode.RATE_LIMITED, ErrorCode.UPSTREAM_AUTH, ErrorCode.UPSTREAM_UNAVAILABLE, ErrorCode.UPSTREAM_TIMEOUT)
)
"""Faults of a target rather than of the request: the next target may do better."""


def may_fall_back(error: ImageError) -> bool:
    """Whether the next target may be asked after *error*."""
    return error.code in _ELSEWHERE and not error.may_have_billed
