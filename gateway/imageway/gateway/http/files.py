"""`GET /files/{name}`: kept pictures, for whoever holds a link."""

from typing import Any

from litestar import Request, route
from litestar.datastructures import ETag
from litestar.handlers import HTTPRouteHandler
from litestar.response import File

from imageway.gateway.http.reading import READING
from imageway.gateway.http.request_id import request_id_of
from imageway.gateway.media.store import MediaStore

__all__ = ("file_routes",)


def file_routes(store: MediaStore) -> list[HTTPRouteHandler]:
    """The links of *store* as route handlers. They need no key: a link is one."""

    @route("/files/{name:str}", http_method=READING, status_code=200)
    async def file(request: Request[Any, Any, Any]) -> File:
        query = request.query_params
        name = str(request.path_params["name"])
        found = await store.find(name, query.get("expires", ""), query.get("signature", ""))
        return File(
            found.path,
            media_type=found.media_type,
            filename=name,
            content_disposition_type="inline",
            etag=ETag(value=name),
            headers={
                "cache-control": f"private, max-age={found.left_s}",
                # An SVG is a page: opened by itself, its scripts would act with the gateway's own origin.
                "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox",
                "referrer-policy": "no-referrer",
                "x-content-type-options": "nosniff",
                "x-request-id": request_id_of(request),
            },
        )

    return [file]
