"""Links to pictures in answers."""

from functools import lru_cache
from operator import is_not
from typing import Any

from litestar import Request
from litestar.datastructures import URL
from msgspec.structs import replace

from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.result import ImageResult

__all__ = ("base_url_of", "with_whole_links")


def base_url_of(request: Request[Any, Any, Any]) -> str:
    """Where *request* came to. Raises `ImageError` for a `Host` that is no address."""
    scope = request.scope
    root_path = scope.get("app_root_path") or scope.get("root_path", "")
    try:
        return _base_url(scope["scheme"], request.headers.get("host", ""), scope.get("server"), root_path)
    except ValueError as error:
        raise ImageError(ErrorCode.INVALID_REQUEST, "The Host header is no address.") from error


@lru_cache(maxsize=16)  # few, as callers choose hosts
def _base_url(scheme: str, host: str, server: tuple[str, int | None] | None, root_path: str) -> str:
    headers = [(b"host", host.encode("latin-1"))]
    scope: Any = {"scheme": scheme, "headers": headers, "server": server, "root_path": root_path, "path": "/"}
    return str(URL.from_scope(scope))


def with_whole_links(result: ImageResult, base_url: str) -> ImageResult:
    """*result* with links that lead to where this request came to; those of a configured store are whole already."""
    images = [
        replace(image, url=base_url.rstrip("/") + image.url)
        if isinstance(image.url, str) and image.url.startswith("/")
        else image
        for image in result.images
    ]
    changed = any(map(is_not, images, result.images))
    return replace(result, images=tuple(images), as_it_came=None) if changed else result
