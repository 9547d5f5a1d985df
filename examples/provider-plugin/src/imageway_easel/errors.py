"""What goes wrong at Easel, in imageway's closed set of errors; told apart by type, status and code, never by wording.

Of each error the gateway must know whether Easel may have painted, and charged, all the same: such calls are never
repeated. Easel's reference says that it charges when a painting is begun, and that 4xx and `not_started` come before.
"""

import httpx
import msgspec
from msgspec import Struct

from imageway.contract.errors import ErrorCode, ImageError

__all__ = ("from_exception", "from_reply")

_NOTHING_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
)
_CALLERS_NAME = {"text": "prompt", "count": "n", "width": "size", "height": "size", "seed": "seed", "engine": "model"}
_LONGEST_RETRY_AFTER_S = 86_400


class _Fault(Struct, frozen=True, kw_only=True):
    """Easel's error body: `fault` is its code, `explanation` a sentence, `field` the one at fault."""

    fault: str
    explanation: str = ""
    field: str | None = None


def from_exception(error: httpx.RequestError) -> ImageError:
    if isinstance(error, _NOTHING_SENT):
        return ImageError(ErrorCode.UPSTREAM_UNAVAILABLE, "Easel can't be reached.")
    if isinstance(error, httpx.TimeoutException):
        return ImageError(ErrorCode.UPSTREAM_TIMEOUT, "Easel did not answer in time.", may_have_billed=True)
    return ImageError(
        ErrorCode.UPSTREAM_UNAVAILABLE,
        "The connection to Easel broke after the request was sent.",
        may_have_billed=True,
    )


def from_reply(reply: httpx.Response) -> ImageError:
    """The error in *reply*, whose status isn't 200.

    Easel's own sentence is shown where the caller can do something about it; what concerns the operator is withheld.
    """
    fault = _fault(reply)
    code, may_have_billed = _classified(reply.status_code, fault)
    shown = fault is not None and code in (
        ErrorCode.INVALID_REQUEST,
        ErrorCode.CONTENT_REJECTED,
        ErrorCode.PAYLOAD_TOO_LARGE,
    )
    return ImageError(
        code,
        fault.explanation or fault.fault if fault is not None and shown else _withheld(code, reply.status_code),
        param=_CALLERS_NAME.get(fault.field or "") if fault is not None and shown else None,
        upstream_code=fault.fault if fault is not None and shown else None,
        upstream_request_id=reply.headers.get("x-easel-id"),
        may_have_billed=may_have_billed,
        retry_after_s=_retry_after_s(reply.headers.get("retry-after", "")),
    )


def _classified(status: int, fault: _Fault | None) -> tuple[ErrorCode, bool]:
    """Our code, and whether Easel may have painted all the same."""
    match status:
        case 422 if fault is not None and fault.fault == "text_refused":
            return ErrorCode.CONTENT_REJECTED, False
        case 401 | 402 | 403:  # a bad key, or no credit left: the operator's business, not the caller's
            return ErrorCode.UPSTREAM_AUTH, False
        case 404:  # no such engine: the row, or `model` of the target, is wrong
            return ErrorCode.UPSTREAM_UNAVAILABLE, False
        case 413:
            return ErrorCode.PAYLOAD_TOO_LARGE, False
        case 429:
            return ErrorCode.RATE_LIMITED, False
        case 503 if fault is not None and fault.fault == "not_started":
            return ErrorCode.UPSTREAM_UNAVAILABLE, False
        case 408 | 504:
            return ErrorCode.UPSTREAM_TIMEOUT, True
        case _ if 400 <= status < 500:
            return ErrorCode.INVALID_REQUEST, False
        case _ if 300 <= status < 400:  # never followed
            return ErrorCode.UPSTREAM_UNAVAILABLE, False
        case _:
            return ErrorCode.UPSTREAM_UNAVAILABLE, True


def _withheld(code: ErrorCode, status: int) -> str:
    match code:
        case ErrorCode.UPSTREAM_AUTH:
            return "Easel refused the gateway's key or credit; the gateway's operator must look into it."
        case ErrorCode.RATE_LIMITED:
            return "Easel's rate limit is reached; try again later."
        case _:
            return f"Easel failed with status {status}."


def _fault(reply: httpx.Response) -> _Fault | None:
    try:
        return msgspec.json.decode(reply.content, type=_Fault)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None  # a proxy's page, say; the status tells enough


def _retry_after_s(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if 0 <= seconds <= _LONGEST_RETRY_AFTER_S else None
