"""`POST /v1/images/generations` and `/v1/images/edits`."""

from typing import Any

from litestar import Request, Response, post
from litestar.handlers import HTTPRouteHandler

from imageway.contract.request import ImageRequest
from imageway.contract.wire import generation_request, result_body
from imageway.gateway.engine.engine import Engine
from imageway.gateway.http.forms import edit_request
from imageway.gateway.http.request_id import request_id_of

__all__ = ("image_routes",)


def image_routes(
    engine: Engine, *, default_model: str | None, max_json_bytes: int, max_upload_bytes: int
) -> list[HTTPRouteHandler]:
    """The image operations as route handlers around *engine*."""

    @post(
        "/v1/images/generations", status_code=200, request_max_body_size=max_json_bytes, media_type="application/json"
    )
    async def generations(request: Request[Any, Any, Any]) -> Response[bytes]:
        return await _answer(engine, request, generation_request(await request.body()))

    @post("/v1/images/edits", status_code=200, request_max_body_size=max_upload_bytes, media_type="application/json")
    async def edits(request: Request[Any, Any, Any]) -> Response[bytes]:
        return await _answer(engine, request, await edit_request(request, engine.registry, default_model))

    return [generations, edits]


async def _answer(engine: Engine, request: Request[Any, Any, Any], asked: ImageRequest) -> Response[bytes]:
    request_id = request_id_of(request)
    outcome = await engine.run(asked, request_id=request_id)
    return Response(
        result_body(outcome.result),
        media_type="application/json",
        headers={
            "x-request-id": request_id,
            "imageway-target": f"{outcome.target.provider_name}/{outcome.target.upstream_model}",
            "imageway-attempts": str(outcome.attempts),
        },
    )
