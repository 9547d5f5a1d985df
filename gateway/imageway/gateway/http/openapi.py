"""`GET /openapi.json`: what the gateway takes and answers. Bodies are read by hand here, so it is written by hand."""

from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
import yaml
from litestar import Request, Response, route
from litestar.handlers import HTTPRouteHandler

from imageway.contract.version import __version__
from imageway.gateway.http.held import generation_of
from imageway.gateway.http.reading import READING
from imageway.gateway.http.request_id import request_id_of

__all__ = ("openapi_document", "openapi_route")


@cache
def openapi_document() -> bytes:
    """The document as JSON; read when it is first asked for."""
    text = (files("imageway.gateway.http") / "openapi.yaml").read_text(encoding="utf-8")
    document = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506  # both are safe
    document["info"]["version"] = __version__
    return msgspec.json.encode(document)


def openapi_route() -> HTTPRouteHandler:
    """The document, for whoever may call."""

    @route("/openapi.json", http_method=READING, status_code=200, media_type="application/json")
    async def openapi(request: Request[Any, Any, Any]) -> Response[bytes]:
        await generation_of(request).callers.of(request.headers)
        return Response(openapi_document(), headers={"x-request-id": request_id_of(request)})

    return openapi
