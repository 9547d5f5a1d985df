"""Easel over HTTP: a checked request becomes one call, its answer a result."""

from typing import Any

import httpx
import msgspec
from msgspec import Raw, Struct

from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.request import ImageRequest, Operation
from imageway.contract.result import GeneratedImage, ImageResult
from imageway_easel.errors import from_exception, from_reply

__all__ = ("EaselProvider",)

_CONNECT_TIMEOUT_S = 10.0


class _Painting(Struct, frozen=True, kw_only=True):
    base64: Raw
    """The JSON text, quotes included: megabytes pass through without being decoded."""


class _Paintings(Struct, frozen=True, kw_only=True):
    id: str
    made_at: int
    width: int
    height: int
    paintings: list[_Painting]


class EaselProvider:
    """One connection pool. It never retries, and follows no redirect: that could take a paid call somewhere else."""

    def __init__(self, *, key: str, base_url: str, timeout_s: float) -> None:
        self._client = httpx.AsyncClient(
            base_url=base_url,
            headers={"x-easel-key": key},
            timeout=httpx.Timeout(timeout_s, connect=_CONNECT_TIMEOUT_S),
            follow_redirects=False,
        )

    async def create(self, upstream_model: str, request: ImageRequest) -> ImageResult:
        if request.operation is not Operation.GENERATE:  # a target may name the row of another service as its spec
            raise ImageError(ErrorCode.INVALID_REQUEST, "Easel paints from words only.", param="model")
        try:
            reply = await self._client.post("/v2/paintings", json=_body(upstream_model, request))
        except httpx.RequestError as error:
            raise from_exception(error) from error
        if reply.status_code != httpx.codes.OK:
            raise from_reply(reply)
        return _result(reply)

    async def aclose(self) -> None:
        await self._client.aclose()


def _body(upstream_model: str, request: ImageRequest) -> dict[str, Any]:
    """What the caller left out, or sent as null, is left out here too: Easel's defaults are those of the row."""
    body: dict[str, Any] = {"engine": upstream_model}
    for name, value in request.params.items():
        match name, value:
            case _, None:
                continue
            case "prompt", _:
                body["text"] = value
            case "n", _:
                body["count"] = value
            case "seed", _:
                body["seed"] = value
            case "size", str():
                width, _, height = value.partition("x")
                body |= {"width": int(width), "height": int(height)}
            case _:
                raise ImageError(ErrorCode.INVALID_REQUEST, f"Easel has no parameter '{name}'.", param=name)
    return body


def _result(reply: httpx.Response) -> ImageResult:
    """Easel charges before it answers: an answer that can't be used has cost money all the same."""
    try:
        answer = msgspec.json.decode(reply.content, type=_Paintings)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ImageError(
            ErrorCode.UPSTREAM_UNAVAILABLE, "Easel's answer is not as documented.", may_have_billed=True
        ) from error
    images = tuple(
        GeneratedImage(b64_json=painting.base64) for painting in answer.paintings if _is_filled_text(painting.base64)
    )
    if not images:
        raise ImageError(
            ErrorCode.UPSTREAM_UNAVAILABLE,
            "Easel's answer carries no picture.",
            may_have_billed=True,
            upstream_request_id=answer.id,
        )
    return ImageResult(
        created=answer.made_at,
        images=images,
        size=f"{answer.width}x{answer.height}",
        output_format="png",
        upstream_request_id=answer.id,
    )


def _is_filled_text(raw: Raw) -> bool:
    view = memoryview(raw)
    return len(view) > 2 and view[0] == ord('"')
