"""`POST /v1/images/generations`, `/v1/images/edits` and `/v1/images/variations`."""

import asyncio
from collections.abc import Awaitable
from typing import Any

from litestar import Request, Response, post
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler

from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.request import ImageRequest, Operation
from imageway.contract.wire import generation_request, result_body
from imageway.gateway.engine.engine import Engine, Outcome
from imageway.gateway.http.errors import image_error_of
from imageway.gateway.http.forms import edit_request, variation_request
from imageway.gateway.http.outcome_headers import outcome_headers
from imageway.gateway.http.request_id import request_id_of

__all__ = ("image_routes",)

AnyRequest = Request[Any, Any, Any]


def image_routes(
    engine: Engine, *, default_model: str | None, max_json_bytes: int, max_upload_bytes: int, max_input_pixels: int
) -> list[HTTPRouteHandler]:
    """The image operations as route handlers around *engine*."""

    @post(
        "/v1/images/generations", status_code=200, request_max_body_size=max_json_bytes, media_type="application/json"
    )
    async def generations(request: AnyRequest) -> Response[bytes]:
        return await _answer(engine, request, Operation.GENERATE, _generation(request))

    @post("/v1/images/edits", status_code=200, request_max_body_size=max_upload_bytes, media_type="application/json")
    async def edits(request: AnyRequest) -> Response[bytes]:
        reading = edit_request(request, engine.registry, default_model, max_input_pixels)
        return await _answer(engine, request, Operation.EDIT, reading)

    @post(
        "/v1/images/variations", status_code=200, request_max_body_size=max_upload_bytes, media_type="application/json"
    )
    async def variations(request: AnyRequest) -> Response[bytes]:
        reading = variation_request(request, engine.registry, default_model, max_input_pixels)
        return await _answer(engine, request, Operation.VARIATION, reading)

    return [generations, edits, variations]


async def _generation(request: AnyRequest) -> ImageRequest:
    return generation_request(await request.body())


async def _answer(
    engine: Engine, request: AnyRequest, operation: Operation, reading: Awaitable[ImageRequest]
) -> Response[bytes]:
    request_id = request_id_of(request)
    try:
        asked = await reading
    except (ImageError, HTTPException) as error:
        engine.refused(operation, image_error_of(request, error), request_id=request_id)
        raise
    outcome = await _while_there(request, engine.run(asked, request_id=request_id))
    return Response(
        result_body(outcome.result),
        media_type="application/json",
        headers=outcome_headers(outcome, request_id),
    )


async def _while_there(request: AnyRequest, drawing: Awaitable[Outcome]) -> Outcome:
    """The outcome of *drawing*, which is cancelled where the caller hangs up before it is there."""
    calling = asyncio.ensure_future(drawing)
    leaving = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait((calling, leaving), return_when=asyncio.FIRST_COMPLETED)
        if calling.done():
            return await calling
        raise ImageError(ErrorCode.INVALID_REQUEST, "The caller hung up before the picture was there.")
    finally:
        for task in (calling, leaving):
            task.cancel()


async def _gone(request: AnyRequest) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        continue
