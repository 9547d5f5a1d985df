"""Chat endpoints, for steps of a pipeline that write text: OpenAI's dialect, a call an answer, nothing retried."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import msgspec
from msgspec import Struct

from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.request import JsonValue
from imageway.contract.secret_reference import SecretError, resolve_secret
from imageway.contract.version import __version__
from imageway.contract.wire import read_error
from imageway.sdk._http import Http
from imageway.sdk.errors import GatewayUnreachableError
from imageway.sdk.pipeline.plan import Endpoint

__all__ = ("Chats", "Completed")

_MAX_BYTES = 64 * 1024**2


class _Message(Struct, frozen=True):
    content: str | None = None
    refusal: str | None = None


class _Choice(Struct, frozen=True):
    message: _Message
    finish_reason: str | None = None


class _Completion(Struct, frozen=True):
    choices: list[_Choice]
    usage: Any = None


class Completed(Struct, frozen=True, kw_only=True):
    """An answer: its text, and what the endpoint told of it."""

    text: str
    request_id: str | None = None
    usage: dict[str, JsonValue] | None = None


class Chats:
    """Connections to chat endpoints, opened when first asked for. Use it in an `async with` block."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, str | None, float], Http] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._open:
            _, http = self._open.popitem()
            await http.aclose()

    async def complete(self, endpoint: Endpoint, body: Mapping[str, JsonValue], *, idempotency_key: str) -> Completed:
        """What *endpoint* answers *body* with. Raises `ImageError`."""
        http = self._http(endpoint)
        url = f"{http.base_url}/chat/completions"
        headers = {"idempotency-key": idempotency_key}
        try:
            answer = await http.post_json(url, _encoded(body), headers=headers, max_bytes=_MAX_BYTES)
        except GatewayUnreachableError as error:
            reason = str(error.__cause__ or "") or "no connection came about"
            raise GatewayUnreachableError(f"can't reach the chat endpoint at {http.base_url}: {reason}") from error
        if answer.status != 200:
            raise read_error(answer.status, answer.headers, answer.body, model=str(body.get("model", "")))
        return _completed(answer.body, answer.headers.get("x-request-id"))

    def _http(self, endpoint: Endpoint) -> Http:
        name = (endpoint.url, endpoint.key, endpoint.timeout_s)
        if name not in self._open:
            headers = {"user-agent": f"imageway/{__version__}"}
            if endpoint.key is not None:
                try:
                    headers["authorization"] = f"Bearer {resolve_secret(endpoint.key)}"
                except SecretError as error:
                    sentence = f"The chat endpoint's key can't be had: {error}."
                    raise ImageError(ErrorCode.UNAUTHENTICATED, sentence) from error
            self._open[name] = Http(endpoint.url.rstrip("/"), headers=headers, read_timeout_s=endpoint.timeout_s)
        return self._open[name]


def _encoded(body: Mapping[str, JsonValue]) -> bytes:
    try:
        return msgspec.json.encode(body)
    except UnicodeEncodeError as error:
        sentence = "The request holds half of a surrogate pair, which is no valid text."
        raise ImageError(ErrorCode.INVALID_REQUEST, sentence) from error


def _completed(body: bytes, request_id: str | None) -> Completed:
    try:
        completion = msgspec.json.decode(body, type=_Completion)
        choice = completion.choices[0]
    except (msgspec.DecodeError, UnicodeDecodeError, IndexError) as error:
        sentence = "The chat endpoint's answer is no chat completion."
        raise _spoilt(ErrorCode.UPSTREAM_UNAVAILABLE, sentence, request_id) from error
    if choice.finish_reason == "content_filter" or choice.message.refusal:
        raise _spoilt(ErrorCode.CONTENT_REJECTED, "The chat model refused this request.", request_id)
    if not choice.message.content:
        sentence = f"The chat endpoint's answer has no text (finish_reason {choice.finish_reason})."
        raise _spoilt(ErrorCode.UPSTREAM_UNAVAILABLE, sentence, request_id)
    return Completed(
        text=choice.message.content,
        request_id=request_id,
        usage=completion.usage if isinstance(completion.usage, dict) else None,
    )


def _spoilt(code: ErrorCode, sentence: str, request_id: str | None) -> ImageError:
    return ImageError(code, sentence, upstream_request_id=request_id, may_have_billed=True)
