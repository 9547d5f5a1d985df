"""Tests of imageway.contract.errors."""

import pytest

from imageway.contract.errors import (
    ErrorCode,
    ImageError,
    Reaction,
    UnknownModelError,
    UnsupportedError,
    Violation,
    reaction,
)

REACTIONS = {
    "unsupported": (400, "info"),
    "invalid_request": (400, "info"),
    "content_rejected": (400, "info"),
    "unauthenticated": (401, "warning"),
    "forbidden": (403, "warning"),
    "unknown_model": (400, "info"),
    "not_found": (404, "info"),
    "idempotency_conflict": (422, "info"),
    "outcome_unknown": (409, "warning"),
    "payload_too_large": (413, "info"),
    "rate_limited": (429, "warning"),
    "budget_exhausted": (429, "warning"),
    "upstream_auth": (502, "error"),
    "upstream_unavailable": (502, "warning"),
    "upstream_timeout": (504, "warning"),
    "internal": (500, "error"),
}


def test_every_code_has_its_status_and_level() -> None:
    assert {code.value: tuple(reaction(code)) for code in ErrorCode} == REACTIONS
    assert reaction(ErrorCode.INTERNAL) == Reaction(status=500, level="error")


def test_an_error_carries_what_is_known_of_it() -> None:
    error = ImageError(
        ErrorCode.RATE_LIMITED,
        "Slow down.",
        upstream_type="rate_limit_error",
        upstream_code="slow_down",
        upstream_request_id="req_1",
        retry_after_s=1.5,
        details={"limit": 5},
    )

    assert str(error) == "Slow down."
    assert vars(error) == {
        "code": ErrorCode.RATE_LIMITED,
        "message": "Slow down.",
        "param": None,
        "upstream_type": "rate_limit_error",
        "upstream_code": "slow_down",
        "upstream_request_id": "req_1",
        "may_have_billed": False,
        "retry_after_s": 1.5,
        "details": {"limit": 5},
        "target": None,
        "attempts": 0,
        "waiting_helps": None,
    }


N = Violation(param="n", message="n is too much.", code="integer_above_max_value")
SIZE = Violation(param="size", message="No such size.", code="invalid_value", type="image_generation_user_error")


def test_one_violation_speaks_for_itself() -> None:
    error = UnsupportedError(model="m", violations=[N])

    assert str(error) == "n is too much."
    assert (error.code, error.param, error.upstream_type, error.upstream_code) == (
        ErrorCode.UNSUPPORTED,
        "n",
        "invalid_request_error",
        "integer_above_max_value",
    )


def test_several_violations_are_all_told_and_the_first_gives_the_code() -> None:
    error = UnsupportedError(model="m", violations=[SIZE, N, N], accepted_by=["a", "b"])

    assert str(error) == (
        "No such size. Also at fault: n: n is too much. n: n is too much. Models here that accept this request: a, b."
    )
    assert (error.model, error.violations, error.accepted_by) == ("m", (SIZE, N, N), ("a", "b"))
    assert (error.param, error.upstream_type) == ("size", "image_generation_user_error")


@pytest.mark.parametrize(
    ("known", "closest", "message"),
    [
        (
            ["dall-e-2", "dall-e-3"],
            "dall-e-3",
            "The model 'dalle-3' does not exist. Did you mean 'dall-e-3'? Models here: dall-e-2, dall-e-3.",
        ),
        (["flux"], None, "The model 'dalle-3' does not exist. Models here: flux."),
        ([], None, "The model 'dalle-3' does not exist. Models here: none."),
    ],
    ids=["with a close one", "without", "nothing configured"],
)
def test_an_unknown_model_names_the_known_ones(known: list[str], closest: str | None, message: str) -> None:
    error = UnknownModelError(model="dalle-3", known=known, closest=closest)

    assert str(error) == message
    assert (error.code, error.param, error.known) == (ErrorCode.UNKNOWN_MODEL, "model", tuple(known))
    assert (error.upstream_type, error.upstream_code) == ("image_generation_user_error", "invalid_value")
