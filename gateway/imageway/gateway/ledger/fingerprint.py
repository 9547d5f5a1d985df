"""What makes two requests the same: operation, model, parameters and the content of every picture."""

import asyncio
from hashlib import sha256

import msgspec

from imageway.contract.request import ImageInput, ImageRequest

__all__ = ("fingerprint",)

_SCHEMA = 1
"""Told in the digest, so that another way of counting is another fingerprint."""


async def fingerprint(request: ImageRequest) -> str:
    """A digest of *request*, equal for requests that ask for the same; the pictures are hashed off the event loop.

    The order of parameters and the files' names make no difference, the order of the pictures does. A parameter that
    is null is another thing than one that is absent.
    """
    pictures = (*request.images, request.mask, request.markup)
    if any(pictures):
        return await asyncio.to_thread(_fingerprint, request)
    return _fingerprint(request)


def _fingerprint(request: ImageRequest) -> str:
    content = (
        _SCHEMA,
        request.operation,
        request.model,
        request.params,
        [_digest(image) for image in request.images],
        _digest(request.mask),
        _digest(request.markup),
    )
    return sha256(msgspec.json.encode(content, order="deterministic")).hexdigest()


def _digest(image: ImageInput | None) -> str | None:
    if image is None:
        return None
    digest = sha256()
    for chunk in image.source.chunks():
        digest.update(chunk)
    return digest.hexdigest()
