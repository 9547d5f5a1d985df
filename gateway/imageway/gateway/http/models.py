"""`GET /v1/models` and `/v1/models/{name}`: what there is, each with the spec that its callers are checked against."""

from typing import Any

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler

from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.wire import model_body, models_body
from imageway.providers.registry import Registry

__all__ = ("model_routes",)


def model_routes(registry: Registry) -> list[HTTPRouteHandler]:
    """The model list as route handlers. It is written once: a registry never changes."""
    listing = models_body(registry.contracts, registry.validations)

    @get("/v1/models", media_type="application/json")
    async def models() -> Response[bytes]:
        return Response(listing, media_type="application/json")

    @get("/v1/models/{name:path}", media_type="application/json")
    async def model(request: Request[Any, Any, Any]) -> Response[bytes]:
        plain = str(request.path_params["name"]).lstrip("/")
        contract = registry.contracts.get(plain)
        if contract is None:
            raise ImageError(
                ErrorCode.NOT_FOUND,
                f"The model '{plain[:64]}' does not exist. Models here: {', '.join(registry.contracts)}.",
                param="model",
                upstream_code="model_not_found",
            )
        return Response(model_body(plain, contract, registry.validations[plain]), media_type="application/json")

    return [models, model]
