"""`POST /v1/images/generations`, `/v1/images/edits` and `/v1/images/variations`."""

from collections.abc import Awaitable
from typing import Any

from litestar import Request, Response, post
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from msgspec.structs import replace

from imageway.contract.errors import ImageError
from imageway.contract.request import ImageRequest, Operation
from imageway.contract.result import ImageResult
from imageway.contract.wire import generation_request, result_body
from imageway.gateway.engine.engine import Engine
from imageway.gateway.http.errors import image_error_of
from imageway.gateway.http.forms import picture_request
from imageway.gateway.http.outcome_headers import outcome_headers
from imageway.gateway.http.presence import while_there
from imageway.gateway.http.request_id import request_id_of
from imageway.gateway.http.streaming import StreamedAnswer
from imageway.gateway.settings import ServerSettings

__all__ = ("image_routes",)

AnyRequest = Request[Any, Any, Any]


def image_routes(engine: Engine, server: ServerSettings, *, default_model: str | None) -> list[HTTPRouteHandler]:
    """The image operations as route handlers around *engine*."""

    @post(
        "/v1/images/generations",
        status_code=200,
        request_max_body_size=server.max_json_bytes,
        media_type="application/json",
    )
    async def generations(request: AnyRequest) -> Response[bytes]:
        return await _answer(Operation.GENERATE, request, _generation(request))

    @post(
        ["/v1/images/edits", "/v1/images/variations"],
        status_code=200,
        request_max_body_size=server.max_upload_bytes,
        media_type="application/json",
    )
    async def edits(request: AnyRequest) -> Response[bytes]:
        operation = Operation.VARIATION if request.url.path.endswith("/variations") else Operation.EDIT
        return await _answer(
            operation,
            request,
            picture_request(request, operation, engine.registry, default_model, server.max_input_pixels),
        )

    async def _answer(operation: Operation, request: AnyRequest, reading: Awaitable[ImageRequest]) -> Response[bytes]:
        request_id = request_id_of(request)
        try:
            asked = await reading
        except (ImageError, HTTPException) as error:
            engine.refused(operation, image_error_of(request, error), request_id=request_id)
            raise
        if asked.params.get("stream") is True:
            return StreamedAnswer(engine, request, asked, keep_alive_s=server.keep_alive_s)
        outcome = await while_there(request.receive, engine.run(asked, request_id=request_id))
        return Response(
            result_body(_with_whole_links(outcome.result, str(request.base_url))),
            media_type="application/json",
            headers=outcome_headers(outcome, request_id),
        )

    return [generations, edits]


def _with_whole_links(result: ImageResult, base_url: str) -> ImageResult:
    """*result* with links that lead to where this request came to; those of a configured store are whole already."""
    images = tuple(
        replace(image, url=base_url.rstrip("/") + image.url)
        if isinstance(image.url, str) and image.url.startswith("/")
        else image
        for image in result.images
    )
    return replace(result, images=images)


async def _generation(request: AnyRequest) -> ImageRequest:
    return generation_request(await request.body())
