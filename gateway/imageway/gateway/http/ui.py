"""`GET /ui`: a page to try the models with. Plain files of the package; it calls the same API as everybody."""

from hashlib import sha256
from importlib.resources import files
from typing import Any

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler

from imageway.contract.errors import ErrorCode, ImageError

__all__ = ("ui_routes",)

_MEDIA_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript"}
_PAGE = "page.html"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data: blob: https:;"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Nothing from outside runs here. Pictures may come by a link of the vendor's."""


def ui_routes() -> list[HTTPRouteHandler]:
    """The page and its files, read once. They hold no secret: whoever uses the page brings a key."""
    folder = files("imageway.gateway") / "ui"
    contents = {
        file.name: file.read_bytes() for file in folder.iterdir() if file.name.rpartition(".")[2] in _MEDIA_TYPES
    }
    tags = {name: f'"{sha256(content).hexdigest()[:16]}"' for name, content in contents.items()}

    def answer(request: Request[Any, Any, Any], name: str) -> Response[bytes]:
        headers = {
            "cache-control": "no-cache",
            "content-security-policy": _POLICY,
            "etag": tags[name],
            "referrer-policy": "no-referrer",
            "x-content-type-options": "nosniff",
        }
        if request.headers.get("if-none-match") == tags[name]:
            return Response(b"", status_code=304, headers=headers)
        return Response(contents[name], media_type=_MEDIA_TYPES[name.rpartition(".")[2]], headers=headers)

    @get("/ui", include_in_schema=False)
    async def page(request: Request[Any, Any, Any]) -> Response[bytes]:
        return answer(request, _PAGE)

    @get("/ui/{name:str}", include_in_schema=False)
    async def part(request: Request[Any, Any, Any]) -> Response[bytes]:
        name = str(request.path_params["name"])
        if name not in contents or name == _PAGE:
            raise ImageError(ErrorCode.NOT_FOUND, f"Invalid URL (GET {request.scope['path']}).")
        return answer(request, name)

    return [page, part]
