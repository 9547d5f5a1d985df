"""Links to pictures in answers."""

from msgspec.structs import replace

from imageway.contract.result import ImageResult

__all__ = ("with_whole_links",)


def with_whole_links(result: ImageResult, base_url: str) -> ImageResult:
    """*result* with links that lead to where this request came to; those of a configured store are whole already."""
    images = tuple(
        replace(image, url=base_url.rstrip("/") + image.url)
        if isinstance(image.url, str) and image.url.startswith("/")
        else image
        for image in result.images
    )
    return replace(result, images=images)
