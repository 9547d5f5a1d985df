"""What a picture looks like on its way: coarse first, then finer."""

import io
from typing import cast

from msgspec import Raw
from PIL import Image

from imageway.contract.request import ImageRequest
from imageway.contract.result import GeneratedImage, ImageResult
from imageway.contract.stream import PartialImage, completed_events
from imageway.providers.sketch.asked import asked_of
from imageway.providers.sketch.encode import encoded

__all__ = ("previews",)

_COARSEST_PX = 32


def previews(model: str, request: ImageRequest, result: ImageResult) -> tuple[PartialImage, ...]:
    """As many previews of the first picture in *result* as *request* asks for, each of its full size."""
    count = request.params.get("partial_images")
    if not isinstance(count, int) or not count:
        return ()
    asked = asked_of(model, request)
    final = completed_events(result)[0]
    if "b64_json" not in final.fields:
        return ()
    told = {name: value for name, value in final.fields.items() if name != "usage"}
    picture = Image.open(io.BytesIO(final.image.content))
    shown: list[PartialImage] = []
    for index in range(count):
        coarse_px = _COARSEST_PX * 2**index
        small = picture.resize((coarse_px, coarse_px), Image.Resampling.BOX)
        preview = GeneratedImage.from_bytes(encoded(small.resize(picture.size, Image.Resampling.BICUBIC), asked))
        position = Raw(str(index).encode())
        shown.append(
            PartialImage(
                index=index,
                fields={**told, "b64_json": cast("Raw", preview.b64_json), "partial_image_index": position},
            )
        )
    return tuple(shown)
