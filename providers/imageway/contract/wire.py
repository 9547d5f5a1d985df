"""OpenAI's Images dialect: HTTP bodies to contract types and back, for the gateway's side and the client's."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from imageway.contract.errors import ErrorCode, ImageError, UnknownModelError, UnsupportedError, Violation
from imageway.contract.request import ImageRequest, JsonValue, Operation
from imageway.contract.result import Answer, ImageResult
from imageway.contract.spec import Flag, Group, Integer, Param
from imageway.contract.wording import type_word

__all__ = (
    "error_body",
    "form_fields",
    "generation_request",
    "read_error",
    "result_body",
    "typed_form",
)


class _Extension(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What stands under `error.imageway`; clients that don't know it lose nothing."""

    code: str
    request_id: str | None = None
    violations: tuple[Violation, ...] = ()
    accepted_by: tuple[str, ...] = ()
    known_models: tuple[str, ...] = ()
    may_have_billed: bool = False
    upstream_request_id: str | None = None
    details: Any = None


class _Fault(Struct, frozen=True, kw_only=True):
    message: str | None = None
    type: str | None = None
    param: str | None = None
    code: str | int | None = None
    imageway: _Extension | UnsetType = UNSET


class _Envelope(Struct, frozen=True, kw_only=True):
    error: _Fault


def generation_request(body: bytes) -> ImageRequest:
    """A JSON body as a request, not yet checked; `model` is empty where the caller named none.

    Raises `ImageError` (invalid_request) for what is no JSON object, and for a model that isn't text.
    """
    try:
        fields = msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        raise ImageError(ErrorCode.INVALID_REQUEST, f"The body is not valid JSON: {error}.") from error
    except UnicodeDecodeError as error:
        raise ImageError(ErrorCode.INVALID_REQUEST, "The body is not valid JSON: it is not UTF-8.") from error
    except RecursionError as error:
        raise ImageError(ErrorCode.INVALID_REQUEST, "The body is nested too deeply.") from error
    if not isinstance(fields, dict):
        raise ImageError(ErrorCode.INVALID_REQUEST, f"The body must be a JSON object, but it is {type_word(fields)}.")
    model = fields.pop("model", None)
    model = "" if model is None else model
    if not isinstance(model, str):
        raise ImageError(
            ErrorCode.INVALID_REQUEST,
            f"Invalid type for 'model': expected a string, but got {type_word(model)} instead.",
            param="model",
            upstream_code="invalid_type",
        )
    return ImageRequest(operation=Operation.GENERATE, model=model, params=fields)


def typed_form(fields: Iterable[tuple[str, str]], params: Mapping[str, Param]) -> dict[str, JsonValue]:
    """Form values as the JSON values that *params* expect: digits for integers, true and false for flags.

    `svg[reasoning][effort]` nests. Whatever doesn't read as its type stays text, for the check to name.
    """
    typed: dict[str, JsonValue] = {}
    for name, text in fields:
        head, *path = name.replace("]", "").split("[") if name.endswith("]") else [name]
        if isinstance(params.get(head), Group) and path:
            _nest(typed, [head, *path], text)
        else:
            typed[name] = _typed(text, params.get(name))
    return typed


def _nest(into: dict[str, JsonValue], path: list[str], text: str) -> None:
    for key in path[:-1]:
        inner = into.setdefault(key, {})
        if not isinstance(inner, dict):
            return
        into = inner
    into[path[-1]] = text


def _typed(text: str, param: Param | None) -> JsonValue:
    match param:
        case Integer() if text.removeprefix("-").isascii() and text.removeprefix("-").isdigit() and len(text) < 19:
            return int(text)
        case Flag() if text in ("true", "false"):
            return text == "true"
        case _:
            return text


def form_fields(params: Mapping[str, JsonValue]) -> list[tuple[str, str]]:
    """*params* as form values; None is left out, objects nest in brackets."""
    fields: list[tuple[str, str]] = []
    for name, value in params.items():
        match value:
            case None:
                continue
            case bool():
                fields.append((name, "true" if value else "false"))
            case dict():
                fields.extend(
                    (f"{name}[{key.replace('[', '][', 1)}" + ("" if "[" in key else "]"), text)
                    for key, text in form_fields(value)
                )
            case str():
                fields.append((name, value))
            case _:
                fields.append((name, msgspec.json.encode(value).decode()))
    return fields


def result_body(result: ImageResult) -> bytes:
    """*result* as the JSON that clients expect. The pictures' base64 text is copied, never decoded."""
    return msgspec.json.encode(
        Answer(
            created=result.created,
            data=result.images,
            background=result.background,
            output_format=result.output_format,
            quality=result.quality,
            size=result.size,
            usage=result.usage,
            safety_identifier=result.safety_identifier,
            svg_usage=result.svg_usage,
        )
    )


def error_body(error: ImageError, request_id: str | None = None) -> bytes:
    """*error* in OpenAI's envelope, with our code and every violation under `error.imageway`."""
    extension = _Extension(
        code=error.code,
        request_id=request_id,
        violations=error.violations if isinstance(error, UnsupportedError) else (),
        accepted_by=error.accepted_by if isinstance(error, UnsupportedError) else (),
        known_models=error.known if isinstance(error, UnknownModelError) else (),
        may_have_billed=error.may_have_billed,
        upstream_request_id=error.upstream_request_id,
        details=error.details,
    )
    fault = _Fault(
        message=error.message,
        type=error.upstream_type or _type_of(error.code),
        param=error.param,
        code=error.upstream_code or error.code.value,
        imageway=extension,
    )
    return msgspec.json.encode(_Envelope(error=fault))


def _type_of(code: ErrorCode) -> str:
    match code:
        case ErrorCode.RATE_LIMITED:
            return "rate_limit_error"
        case ErrorCode.BUDGET_EXHAUSTED:
            return "insufficient_quota"
        case (
            ErrorCode.UPSTREAM_AUTH
            | ErrorCode.UPSTREAM_UNAVAILABLE
            | ErrorCode.UPSTREAM_TIMEOUT
            | ErrorCode.OUTCOME_UNKNOWN
            | ErrorCode.INTERNAL
        ):
            return "server_error"
        case _:
            return "invalid_request_error"


def read_error(status: int, headers: Mapping[str, str], body: bytes, *, model: str = "") -> ImageError:
    """A gateway's error answer as the error that it was there; by status where the body is another server's."""
    try:
        fault = msgspec.json.decode(body, type=_Envelope).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        fault = _Fault(message=f"The gateway answered with status {status}.")
    extension = fault.imageway if isinstance(fault.imageway, _Extension) else _Extension(code=_code_of(status))
    if extension.violations:
        return UnsupportedError(model=model, violations=extension.violations, accepted_by=extension.accepted_by)
    code = ErrorCode(extension.code) if extension.code in set(ErrorCode) else _code_of(status)
    return ImageError(
        code,
        fault.message or f"The gateway answered with status {status}.",
        param=fault.param,
        upstream_type=fault.type,
        upstream_code=None if fault.code is None else str(fault.code),
        upstream_request_id=extension.request_id or headers.get("x-request-id"),
        may_have_billed=extension.may_have_billed or (fault.imageway is UNSET and status >= 500),
        retry_after_s=_seconds(headers.get("retry-after")),
        details=extension.details,
    )


def _code_of(status: int) -> ErrorCode:
    by_status = {
        401: ErrorCode.UNAUTHENTICATED,
        403: ErrorCode.FORBIDDEN,
        404: ErrorCode.NOT_FOUND,
        409: ErrorCode.OUTCOME_UNKNOWN,
        413: ErrorCode.PAYLOAD_TOO_LARGE,
        429: ErrorCode.RATE_LIMITED,
        504: ErrorCode.UPSTREAM_TIMEOUT,
    }
    return by_status.get(status, ErrorCode.UPSTREAM_UNAVAILABLE if status >= 500 else ErrorCode.INVALID_REQUEST)


def _seconds(text: str | None) -> float | None:
    try:
        seconds = float(text or "")
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None
