"""What the end of an upstream call tells of its target."""

import asyncio

import pytest

from imageway.contract.errors import ErrorCode, ImageError
from imageway.gateway.engine.breaker import Verdict
from imageway.gateway.engine.patience import GivenUpError
from imageway.gateway.engine.policy import verdict_on


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (None, "works"),
        (ImageError(ErrorCode.UPSTREAM_UNAVAILABLE, "x"), "fails"),
        (ImageError(ErrorCode.UPSTREAM_TIMEOUT, "x", may_have_billed=True), "fails"),
        (ImageError(ErrorCode.UPSTREAM_AUTH, "x"), "fails"),
        (ImageError(ErrorCode.RATE_LIMITED, "x"), "fails"),
        (ImageError(ErrorCode.RATE_LIMITED, "x", retry_after_s=0), "says_nothing"),
        (ImageError(ErrorCode.INVALID_REQUEST, "x"), "says_nothing"),
        (ImageError(ErrorCode.CONTENT_REJECTED, "x"), "says_nothing"),
        (ImageError(ErrorCode.PAYLOAD_TOO_LARGE, "x"), "says_nothing"),
        (ImageError(ErrorCode.INTERNAL, "x"), "says_nothing"),
        (GivenUpError(599, 299.9, of_caller=True), "says_nothing"),
        (GivenUpError(599, 300.0, of_caller=True), "fails"),
        (GivenUpError(900, 0.1, of_caller=False), "fails"),
        (RuntimeError("a bug"), "says_nothing"),
        (asyncio.CancelledError(), "says_nothing"),
    ],
)
def test_only_the_targets_own_faults_count(error: BaseException | None, verdict: Verdict) -> None:
    assert verdict_on(error, silent_s=300) == verdict
