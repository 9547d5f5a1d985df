"""Faults of the `openai` library in our closed set."""

from typing import Any

import openai

from imageway.contract.errors import ErrorCode, ImageError

__all__ = ("request_id", "to_image_error")

_REFUSED_CONTENT = frozenset(("moderation_blocked", "content_policy_violation", "contentFilter", "content_filter"))
_OUT_OF_MONEY = frozenset(("insufficient_quota", "credit_balance_exhausted", "billing_hard_limit_reached"))
_OVERLOADED = frozenset(("server_is_overloaded", "slow_down"))
_NOTHING_SENT = frozenset(
    ("ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "UnsupportedProtocol", "LocalProtocolError")
)
_LONGEST_RETRY_AFTER_S = 86_400


def to_image_error(error: openai.APIError) -> ImageError:
    """The vendor's error in our closed set, by type, status and code, never by message text."""
    if isinstance(error, openai.APIStatusError):
        return _from_status(error)
    cause = type(error.__cause__).__name__
    if isinstance(error, openai.APITimeoutError) and cause not in _NOTHING_SENT:
        return ImageError(ErrorCode.UPSTREAM_TIMEOUT, "The upstream did not answer in time.", may_have_billed=True)
    if isinstance(error, openai.APIConnectionError) and cause in _NOTHING_SENT:
        return ImageError(ErrorCode.UPSTREAM_UNAVAILABLE, "The upstream can't be reached.")
    return ImageError(
        ErrorCode.UPSTREAM_UNAVAILABLE, "The connection broke after the request was sent.", may_have_billed=True
    )


def _from_status(error: openai.APIStatusError) -> ImageError:
    vendor_code = str(error.code) if error.code else None
    code, billed = _classified(error.status_code, vendor_code)
    shown = code in (ErrorCode.INVALID_REQUEST, ErrorCode.CONTENT_REJECTED, ErrorCode.PAYLOAD_TOO_LARGE)
    body = error.body if isinstance(error.body, dict) else {}
    details = {
        key: body[key]
        for key in ("moderation_details", "inner_error", "content_filter_results")
        if isinstance(body.get(key), dict)
    }
    return ImageError(
        code,
        str(body.get("message") or error.message) if shown else _withheld(code, error.status_code),
        param=error.param if shown else None,
        upstream_type=error.type if shown else None,
        upstream_code=vendor_code if shown else None,
        upstream_request_id=request_id(error.response.headers),
        may_have_billed=billed,
        retry_after_s=_retry_after_s(error.response.headers),
        details=details or None,
    )


def _classified(status: int, vendor_code: str | None) -> tuple[ErrorCode, bool]:
    """Our code, and whether the vendor may have drawn all the same."""
    if vendor_code in _REFUSED_CONTENT:
        return ErrorCode.CONTENT_REJECTED, False
    if vendor_code in _OUT_OF_MONEY or status in (401, 403):
        return ErrorCode.UPSTREAM_AUTH, False
    match status:
        case _ if status < 400:
            return ErrorCode.UPSTREAM_UNAVAILABLE, False
        case 429:
            return ErrorCode.RATE_LIMITED, False
        case 404:
            return ErrorCode.UPSTREAM_UNAVAILABLE, False
        case 413:
            return ErrorCode.PAYLOAD_TOO_LARGE, False
        case 503 if vendor_code in _OVERLOADED:
            return ErrorCode.UPSTREAM_UNAVAILABLE, False
        case 408 | 504:
            return ErrorCode.UPSTREAM_TIMEOUT, True
        case _ if status >= 500 or status == 409:
            return ErrorCode.UPSTREAM_UNAVAILABLE, True
        case _:
            return ErrorCode.INVALID_REQUEST, False


def _withheld(code: ErrorCode, status: int) -> str:
    match code:
        case ErrorCode.UPSTREAM_AUTH:
            return "The upstream refused the gateway's credentials or quota; the gateway's operator must look into it."
        case ErrorCode.RATE_LIMITED:
            return "The upstream's rate limit is reached; try again later."
        case _:
            return f"The upstream failed with status {status}."


def _retry_after_s(headers: Any) -> float | None:  # noqa: ANN401  # see request_id
    for name, scale in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) / scale
        except (KeyError, ValueError):
            continue
        if 0 <= seconds <= _LONGEST_RETRY_AFTER_S:
            return seconds
    return None


def request_id(headers: Any) -> str | None:  # noqa: ANN401  # headers of the HTTP library that the vendor's client picks
    for name in ("x-request-id", "apim-request-id"):
        if name in headers:
            return str(headers[name])
    return None
