"""Links to pictures in answers."""

from typing import Any

from litestar import Request
from msgspec.structs import replace

from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.result import ImageResult

__all__ = ("base_url_of", "with_whole_links")


def base_url_of(request: Request[Any, Any, Any]) -> str:
    """Where *request* came to. Raises `ImageError` for a `Host` that is no address."""
    try:
        return str(request.base_url)
    except ValueError as error:
        raise ImageError(ErrorCode.INVALID_REQUEST, "The Host header is no address.") from error


def with_whole_links(result: ImageResult, base_url: str) -> ImageResult:
    """*result* with links that lead to where this request came to; those of a configured store are whole already."""
    if not any(isinstance(image.url, str) and image.url.startswith("/") for image in result.images):
        return result
    images = tuple(
        replace(image, url=base_url.rstrip("/") + image.url)
        if isinstance(image.url, str) and image.url.startswith("/")
        else image
        for image in result.images
    )
    return replace(result, images=images, as_it_came=None)
