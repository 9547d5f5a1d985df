"""Faults of the Images API in our closed set: by type, status and code, never by message text."""

import time
from collections.abc import Callable, Mapping
from mmap import mmap

import aiohttp
import msgspec

from imageway.contract.content import Content
from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.result import ImageResult
from imageway.contract.wire_result import read_result
from imageway.providers._api_fault import Fault, read_fault, read_fault_text
from imageway.providers._api_headers import kept_headers, request_id, retry_after_s

__all__ = ("connection_error", "from_stream_error", "read_answer", "status_error")

_REFUSED_CONTENT = frozenset(
    (
        "moderation_blocked",
        "content_policy_violation",
        "contentFilter",
        "content_filter",
        "ResponsibleAIPolicyViolation",
    )
)
_OPERATORS_BUSINESS = frozenset(
    (
        "insufficient_quota",
        "credit_balance_exhausted",
        "billing_hard_limit_reached",
        "billing_not_active",
        "invalid_api_key",
        "invalid_organization",
        "account_deactivated",
        "unsupported_country_region_territory",
    )
)
"""The gateway's key, account or money: waiting doesn't help, and callers can do nothing."""

_OVERLOADED = frozenset(("server_is_overloaded", "slow_down"))
_NO_SUCH_MODEL = frozenset(("model_not_found", "DeploymentNotFound"))
_USERS_FAULT = frozenset(("invalid_request_error", "image_generation_user_error"))
_NOTHING_SENT = (
    aiohttp.ClientConnectorError,
    aiohttp.ClientHttpProxyError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.InvalidURL,
)
_SHOWN = frozenset((ErrorCode.INVALID_REQUEST, ErrorCode.CONTENT_REJECTED, ErrorCode.PAYLOAD_TOO_LARGE))
"""Where the vendor's words are the caller's business; elsewhere they may name the gateway's keys and addresses."""

_TELLING = frozenset(("image_generation_failed", "rate_limit_exceeded", "slow_down", "server_is_overloaded"))
"""Codes that clients branch on and that tell nothing of the gateway; the vendor's sentence beside them may."""

_PASSING = frozenset((ErrorCode.RATE_LIMITED, ErrorCode.UPSTREAM_UNAVAILABLE, ErrorCode.UPSTREAM_TIMEOUT))
"""Faults that waiting may cure; a wait that stands beside any other is not passed on."""

_SHORTEST_SECRET = 6
_LONGEST_ERROR_BYTES = 1 << 20


def status_error(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    secrets: tuple[str | None, ...] = (),
    clock_s: Callable[[], float] = time.time,
) -> ImageError:
    """An answer that is no success as one of ours. Nothing that is told shows any of *secrets*.

    `clock_s` tells the Unix time, for vendors who name the date of the next attempt.
    """
    return _ended(
        status,
        read_fault_text(body),
        request_id(headers),
        wait_s=retry_after_s(headers, clock_s=clock_s),
        secrets=secrets,
    )


def connection_error(error: aiohttp.ClientError | OSError) -> ImageError:
    """A connection that failed, or fell silent, as one of ours."""
    if isinstance(error, _NOTHING_SENT):
        return ImageError(
            ErrorCode.UPSTREAM_UNAVAILABLE,
            "The upstream can't be reached.",
            waiting_helps=not isinstance(error, aiohttp.InvalidURL),
        )
    if isinstance(error, TimeoutError):
        return ImageError(ErrorCode.UPSTREAM_TIMEOUT, "The upstream did not answer in time.", may_have_billed=True)
    return ImageError(
        ErrorCode.UPSTREAM_UNAVAILABLE, "The connection broke after the request was sent.", may_have_billed=True
    )


def from_stream_error(body: object, request_id: str | None) -> ImageError:
    """The error that a stream carried after its 200. *body* is the event's data, as text or decoded."""
    fault = read_fault_text(body) if isinstance(body, bytes | str) else read_fault(body)
    return _ended(None, fault, request_id)


def read_answer(body: bytes | mmap, headers: Mapping[str, str], content: Content | None = None) -> ImageResult:
    """The result in an answer with status 200. Raises `ImageError` where there is no picture in it.

    Some servers send their error envelope with status 200; a picture beside it counts more. *content* is *body* for
    whoever passes it on.
    """
    upstream_request_id = request_id(headers)
    try:
        return read_result(
            body, upstream_request_id=upstream_request_id, headers=kept_headers(headers), content=content
        )
    except ImageError as unusable:
        if len(body) > _LONGEST_ERROR_BYTES or not _carries_error(text := bytes(body)):
            raise
        raise _ended(None, read_fault_text(text), upstream_request_id) from unusable


def _carries_error(body: bytes) -> bool:
    try:
        fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return bytes(fields.get("error", b"null"))[:1] in (b"{", b'"')


def _ended(
    status: int | None,
    fault: Fault,
    upstream_request_id: str | None,
    *,
    wait_s: float | None = None,
    secrets: tuple[str | None, ...] = (),
) -> ImageError:
    """The end of a call, with *status*, or without one of its own after a 200. No message shows any of *secrets*."""
    code, billed = _classified(status, fault)
    shown = code in _SHOWN
    named = shown or fault.code in _TELLING
    message = fault.message if shown and fault.message else _sentence(code, status, fault)
    for secret in secrets:
        if secret and len(secret) >= _SHORTEST_SECRET:
            message = message.replace(secret, "(withheld)")
    return ImageError(
        code,
        message,
        param=fault.param if shown else None,
        upstream_type=fault.type if named else None,
        upstream_code=fault.code if named else None,
        upstream_request_id=upstream_request_id,
        may_have_billed=billed,
        retry_after_s=wait_s if code in _PASSING else None,
        waiting_helps=bool({fault.code, fault.inner_code} & _OVERLOADED)
        if code is ErrorCode.UPSTREAM_UNAVAILABLE and not billed
        else None,
        details=fault.details,
    )


def _classified(status: int | None, fault: Fault) -> tuple[ErrorCode, bool]:
    """Our code, and whether the vendor may have drawn all the same. What the code says counts before the status."""
    codes = {fault.code, fault.inner_code}
    if codes & _REFUSED_CONTENT:
        return ErrorCode.CONTENT_REJECTED, False
    if codes & _OPERATORS_BUSINESS or (fault.code is None and fault.type == "insufficient_quota"):
        return ErrorCode.UPSTREAM_AUTH, False
    if fault.code == "rate_limit_exceeded" or status == 429:
        return ErrorCode.RATE_LIMITED, False
    if codes & (_OVERLOADED | _NO_SUCH_MODEL):
        return ErrorCode.UPSTREAM_UNAVAILABLE, False
    if fault.type == "image_generation_server_error" or fault.code == "image_generation_failed":
        return ErrorCode.UPSTREAM_UNAVAILABLE, True
    return _by_status(_status_in(fault) if status is None else status, fault)


def _status_in(fault: Fault) -> int:
    """The status that an error after a 200 would have had: servers write it as the code, or the type implies it."""
    if fault.code is not None and len(fault.code) == 3 and fault.code.isascii() and fault.code.isdigit():
        return int(fault.code)
    return 400 if fault.type in _USERS_FAULT else 500


def _by_status(status: int, fault: Fault) -> tuple[ErrorCode, bool]:
    match status:
        case 400 | 415 | 422 if fault.param != "model":
            return ErrorCode.INVALID_REQUEST, False
        case 401 | 402 | 403 | 407 | 451:
            return ErrorCode.UPSTREAM_AUTH, False
        case 408 | 504:
            return ErrorCode.UPSTREAM_TIMEOUT, True
        case 413:
            return ErrorCode.PAYLOAD_TOO_LARGE, False
        case 429:
            return ErrorCode.RATE_LIMITED, False
        case _:
            # What is left of 3xx and 4xx means that this target is not what the configuration says, its model included.
            # Another 2xx than 200 is no answer of the Images API, but nobody knows what it came to.
            return ErrorCode.UPSTREAM_UNAVAILABLE, status < 300 or status == 409 or status >= 500


def _sentence(code: ErrorCode, status: int | None, fault: Fault) -> str:
    ending = "" if status is None else f" with status {status}"
    match code:
        case ErrorCode.INVALID_REQUEST | ErrorCode.CONTENT_REJECTED | ErrorCode.PAYLOAD_TOO_LARGE:
            return f"The upstream refused the request{ending} and gave no reason."
        case ErrorCode.UPSTREAM_AUTH:
            return "The upstream refused the gateway's credentials or quota; the gateway's operator must look into it."
        case ErrorCode.RATE_LIMITED:
            return "The upstream's rate limit is reached; try again later."
        case _ if status == 404 or fault.code in _NO_SUCH_MODEL or fault.param == "model":
            return "The upstream doesn't know the configured model; the gateway's operator must look into it."
        case _ if status is not None and 300 <= status < 400:
            return f"The upstream sent the call elsewhere{ending}; the gateway follows no redirects."
        case _:
            return f"The upstream failed{ending}." if ending else "The upstream failed after it had begun to answer."
