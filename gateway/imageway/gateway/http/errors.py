"""Whatever goes wrong, in OpenAI's error envelope."""

import math
from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException

from imageway.contract.errors import ErrorCode, ImageError, reaction
from imageway.contract.wire import error_body
from imageway.gateway.http.request_id import request_id_of

__all__ = ("answer_error", "answer_http_exception", "answer_unexpected", "image_error_of", "unexpected_error")

_LONGEST_RETRY_AFTER_S = 86_400.0
_POINTLESS = (ErrorCode.UPSTREAM_AUTH, ErrorCode.INTERNAL, ErrorCode.BUDGET_EXHAUSTED)
AnyRequest = Request[Any, Any, Any]


def answer_error(request: AnyRequest, error: ImageError) -> Response[bytes]:
    """*error* with its status. `x-should-retry: false` keeps clients from paying twice or trying in vain."""
    request_id = request_id_of(request)
    headers = {"x-request-id": request_id}
    if error.retry_after_s is not None:
        headers["retry-after"] = str(math.ceil(min(error.retry_after_s, _LONGEST_RETRY_AFTER_S)))
    if error.attempts:
        headers |= {"imageway-target": error.target or "", "imageway-attempts": str(error.attempts)}
    if error.may_have_billed or error.waiting_helps is False or error.code in _POINTLESS:
        headers["x-should-retry"] = "false"
    return Response(
        error_body(error, request_id),
        status_code=_status(error),
        media_type="application/json",
        headers=headers,
    )


def _status(error: ImageError) -> int:
    """What is known to have done nothing, and to be worth another try at a known time, is 503 rather than 502."""
    comes_back = error.retry_after_s is not None and not error.may_have_billed
    return 503 if error.code is ErrorCode.UPSTREAM_UNAVAILABLE and comes_back else reaction(error.code).status


def answer_http_exception(request: AnyRequest, error: HTTPException) -> Response[bytes]:
    """Litestar's own refusals: unknown paths and methods, bodies too large, broken forms."""
    reply = answer_error(request, image_error_of(request, error))
    reply.status_code = error.status_code
    if allowed := (error.headers or {}).get("allow"):
        reply.headers["allow"] = allowed
    return reply


def image_error_of(request: AnyRequest, error: ImageError | HTTPException) -> ImageError:
    """*error* in our closed set."""
    if isinstance(error, ImageError):
        return error
    match error.status_code:
        case 404:
            return ImageError(ErrorCode.NOT_FOUND, f"Invalid URL ({request.method} {request.scope['path']}).")
        case 405:
            allowed = (error.headers or {}).get("allow", "another method")
            return ImageError(
                ErrorCode.NOT_FOUND, f"Not allowed: {request.method} on {request.scope['path']}; allowed is {allowed}."
            )
        case 413:
            return ImageError(ErrorCode.PAYLOAD_TOO_LARGE, "The body is larger than this gateway takes.")
        case status if status >= 500:
            return ImageError(ErrorCode.INTERNAL, "Something went wrong in the gateway.")
        case _:
            return ImageError(ErrorCode.INVALID_REQUEST, error.detail)


def answer_unexpected(request: AnyRequest, error: Exception) -> Response[bytes]:
    """A bug of ours: logged with its traceback, told with the request's id only."""
    return answer_error(request, unexpected_error(request, error))


def unexpected_error(request: AnyRequest, error: Exception) -> ImageError:
    """*error*, which goes to the log, as what the caller may know of it."""
    request_id = request_id_of(request)
    request.app.state.log.error("request.crashed", request_id=request_id, exc_info=error)
    message = f"Something went wrong in the gateway; its log has the details under {request_id}."
    return ImageError(ErrorCode.INTERNAL, message)
