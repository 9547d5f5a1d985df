"""One request drawn and encoded: the part of the provider that keeps a processor busy."""

import base64
from typing import assert_never

from msgspec import UNSET
from PIL import Image

from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.request import ImageRequest, Operation
from imageway.contract.result import GeneratedImage, ImageResult
from imageway.providers.sketch.asked import Asked, asked_of, seed_of
from imageway.providers.sketch.compose import draw_scene
from imageway.providers.sketch.edit import draw_edit, draw_variation
from imageway.providers.sketch.encode import encoded
from imageway.providers.sketch.inputs import opened
from imageway.providers.sketch.prompt import Scene, scene_of
from imageway.providers.sketch.usage import usage_of

__all__ = ("draw",)

_MOST_PICTURES = 10
_LEAST_EDGE_PX = 16
_MOST_PIXELS = 7680 * 4320


def draw(model: str, request: ImageRequest, created: int) -> ImageResult:
    """Every picture that *request* asks for, answered in the manner of *model*."""
    asked = asked_of(model, request)
    images = tuple(_answer(content, asked, model) for content in _contents(request, asked))
    if asked.dall_e:
        return ImageResult(created=created, images=images)
    return ImageResult(
        created=created,
        images=images,
        background="transparent" if asked.transparent else "opaque",
        output_format=asked.output_format,
        quality=asked.quality,
        size=f"{asked.size[0]}x{asked.size[1]}",
        usage=usage_of(asked, request),
    )


def _contents(request: ImageRequest, asked: Asked) -> list[bytes]:
    _check_means(asked)
    seed = seed_of(request)
    scene = scene_of(asked.prompt)
    pictures = [opened(file, position) for position, file in enumerate(request.images, start=1)]
    marked = request.mask or request.markup
    mask = opened(marked, 1, "mask" if request.mask else "markup") if marked else None
    if not pictures and request.operation is not Operation.GENERATE:
        raise ImageError(ErrorCode.INVALID_REQUEST, "Missing required parameter: 'image'.", param="image")
    drawn = (_drawn(request.operation, pictures, mask, scene, asked, seed, index) for index in range(asked.n))
    return [encoded(picture, asked) for picture in drawn]


def _check_means(asked: Asked) -> None:
    """Raise `ImageError` for what no memory could hold: where `validation` is off, nobody else has looked."""
    width, height = asked.size
    if not 1 <= asked.n <= _MOST_PICTURES:
        raise ImageError(
            ErrorCode.INVALID_REQUEST, f"n is {asked.n}, but sketch draws 1 to {_MOST_PICTURES} at once.", param="n"
        )
    if min(width, height) < _LEAST_EDGE_PX or width * height > _MOST_PIXELS:
        raise ImageError(
            ErrorCode.INVALID_REQUEST,
            f"size is {width}x{height}, but sketch draws edges from {_LEAST_EDGE_PX} px"
            f" and up to {_MOST_PIXELS} pixels.",
            param="size",
        )


def _drawn(
    operation: Operation, pictures: list[Image.Image], mask: Image.Image | None, scene: Scene, asked: Asked, seed: str,
    index: int,
) -> Image.Image:  # fmt: skip
    own = f"{seed}:{index}"
    match operation:
        case Operation.GENERATE:
            return draw_scene(
                scene, asked.size, own, detail=asked.detail, vividness=asked.vividness, transparent=asked.transparent
            )
        case Operation.EDIT:
            return draw_edit(
                pictures, mask, scene, asked.size, own,
                detail=asked.detail, transparent=asked.transparent, first=index == 0,
            )  # fmt: skip
        case Operation.VARIATION:
            return draw_variation(pictures[0], asked.size, own, detail=asked.detail)
        case _:
            assert_never(operation)


def _answer(content: bytes, asked: Asked, model: str) -> GeneratedImage:
    revised = _revised(asked) if model.startswith("dall-e-3") else UNSET
    if asked.as_url:
        # There is no web server here that a link could lead to, and a data URL is a URL to every client.
        return GeneratedImage(url="data:image/png;base64," + base64.b64encode(content).decode(), revised_prompt=revised)
    return GeneratedImage.from_bytes(content, revised_prompt=revised)


def _revised(asked: Asked) -> str:
    manner = "restrained, natural colours" if asked.style == "natural" else "rich, vivid colours"
    return (
        f"{asked.prompt.strip().rstrip('.')}. Drawn in {manner}, with soft light from one side and a calm composition."
    )
