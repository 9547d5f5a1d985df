"""Answers that came with status 200: pictures, errors in their place, and errors in a stream."""

import json
from typing import Any

import httpx
import pytest

from imageway.contract.errors import ErrorCode, ImageError
from imageway.providers._api_errors import from_stream_error, read_answer

BEGUN = "The upstream failed after it had begun to answer."
OPERATOR = "The upstream refused the gateway's credentials or quota; the gateway's operator must look into it."


@pytest.mark.parametrize(
    ("fault", "code", "billed", "message"),
    [
        (
            {"type": "image_generation_server_error", "code": "image_generation_failed", "message": "m"},
            ErrorCode.UPSTREAM_UNAVAILABLE,
            True,
            BEGUN,
        ),
        ({"type": "server_error", "message": "m"}, ErrorCode.UPSTREAM_UNAVAILABLE, True, BEGUN),
        ({"message": "m"}, ErrorCode.UPSTREAM_UNAVAILABLE, True, BEGUN),
        ({"code": "moderation_blocked", "message": "m"}, ErrorCode.CONTENT_REJECTED, False, "m"),
        ({"code": "content_policy_violation", "message": "m"}, ErrorCode.CONTENT_REJECTED, False, "m"),
        ({"type": "image_generation_user_error", "message": "m"}, ErrorCode.INVALID_REQUEST, False, "m"),
        (
            {"type": "invalid_request_error", "message": ""},
            ErrorCode.INVALID_REQUEST,
            False,
            "The upstream refused the request and gave no reason.",
        ),
        ({"code": "insufficient_quota", "message": "m"}, ErrorCode.UPSTREAM_AUTH, False, OPERATOR),
        ({"code": 401, "message": "m"}, ErrorCode.UPSTREAM_AUTH, False, OPERATOR),
        (
            {"code": "rate_limit_exceeded", "message": "m"},
            ErrorCode.RATE_LIMITED,
            False,
            "The upstream's rate limit is reached; try again later.",
        ),
        (
            {"code": "429", "message": "m"},
            ErrorCode.RATE_LIMITED,
            False,
            "The upstream's rate limit is reached; try again later.",
        ),
        ({"code": "server_is_overloaded"}, ErrorCode.UPSTREAM_UNAVAILABLE, False, BEGUN),
        ({"code": 504}, ErrorCode.UPSTREAM_TIMEOUT, True, BEGUN),
    ],
)
def test_an_error_after_a_200_ends_by_code_and_type(
    fault: dict[str, Any], code: ErrorCode, billed: bool, message: str
) -> None:
    event = {"type": "error", "error": fault}
    with pytest.raises(ImageError) as caught:
        read_answer(json.dumps({"created": 1, "data": [], "error": fault}).encode(), httpx.Headers())

    told = [caught.value, from_stream_error(event, None), from_stream_error(json.dumps(event), None)]
    assert [(error.code, error.may_have_billed, error.message) for error in told] == [(code, billed, message)] * 3


def test_an_error_in_a_stream_carries_the_calls_id_and_the_filters() -> None:
    event = b'{"type":"error","error":{"code":"moderation_blocked","moderation_details":{"categories":["violence"]}}}'

    error = from_stream_error(event, "up-1")

    assert (error.upstream_request_id, error.upstream_code) == ("up-1", "moderation_blocked")
    assert error.details == {"moderation_details": {"categories": ["violence"]}}


@pytest.mark.parametrize("event", [b"", b"<html>", b"[]", b"null", "\ud800", None])
def test_an_event_that_is_no_error_object_still_ends_the_call(event: object) -> None:
    error = from_stream_error(event, None)

    assert (error.code, error.may_have_billed, error.message) == (ErrorCode.UPSTREAM_UNAVAILABLE, True, BEGUN)


def test_a_picture_counts_more_than_an_error_beside_it() -> None:
    body = b'{"data": [{"b64_json": "eA=="}], "error": {"message": "one of two failed"}}'

    result = read_answer(body, httpx.Headers({"X-Request-ID": "up-1", "x-ratelimit-limit-images": "5", "server": "x"}))

    assert [image.content for image in result.images] == [b"x"]
    assert result.upstream_request_id == "up-1"
    assert result.upstream_headers == {"x-request-id": "up-1", "x-ratelimit-limit-images": "5"}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html>Please log in</html>", "The answer is not what the Images API sends."),
        (b'{"data": [], "error": null}', "The answer carries no picture."),
        (b'{"data": [], "error": false}', "The answer carries no picture."),
    ],
)
def test_an_answer_with_neither_picture_nor_error_may_have_cost_money(body: bytes, message: str) -> None:
    with pytest.raises(ImageError) as caught:
        read_answer(body, httpx.Headers({"x-request-id": "up-1"}))

    error = caught.value
    assert (error.code, error.message, error.may_have_billed) == (ErrorCode.UPSTREAM_UNAVAILABLE, message, True)
    assert error.upstream_request_id == "up-1"
