"""Token counts as the GPT image models report them."""

import math

from imageway.contract.request import ImageRequest
from imageway.contract.result import TokenDetails, Usage
from imageway.providers.sketch.asked import Asked

__all__ = ("usage_of",)

_OUTPUT_TOKENS = {"low": (272, 408, 400), "medium": (1056, 1584, 1568), "high": (4160, 6240, 6208)}
"""For 1024x1024, 1024x1536 and 1536x1024 in gpt-image-1's price table of 2026."""

_STEPS_ABOVE_HIGH = {"xhigh": 1.5, "max": 2.0}
_MEASURED_SIZES = ((1024, 1024), (1024, 1536), (1536, 1024))
_CHARACTERS_PER_TOKEN = 4
_TILE_PX = 512
_TOKENS_PER_TILE = 129
_TOKENS_PER_IMAGE = 65
_TOKENS_PER_PREVIEW = 100


def usage_of(asked: Asked, request: ImageRequest) -> Usage:
    text = math.ceil(len(asked.prompt) / _CHARACTERS_PER_TOKEN)
    files = [*request.images, *(file for file in (request.mask, request.markup) if file is not None)]
    images = sum(_input_tokens(file.facts.width_px, file.facts.height_px) for file in files)
    drawn = _output_tokens(asked.quality, asked.size) * asked.n + _preview_tokens(request)
    return Usage(
        total_tokens=text + images + drawn,
        input_tokens=text + images,
        output_tokens=drawn,
        input_tokens_details=TokenDetails(text_tokens=text, image_tokens=images),
        output_tokens_details=TokenDetails(text_tokens=0, image_tokens=drawn),
    )


def _preview_tokens(request: ImageRequest) -> int:
    previews = request.params.get("partial_images")
    return _TOKENS_PER_PREVIEW * previews if isinstance(previews, int) and request.params.get("stream") is True else 0


def _input_tokens(width: int, height: int) -> int:
    """Tiles of 512 pixels once the shorter edge has been brought to 512."""
    shorter, longer = sorted((max(width, 1), max(height, 1)))
    tiles = math.ceil(longer * _TILE_PX / shorter / _TILE_PX)
    return _TOKENS_PER_IMAGE + _TOKENS_PER_TILE * tiles


def _output_tokens(quality: str, size: tuple[int, int]) -> int:
    row = _OUTPUT_TOKENS.get(quality, _OUTPUT_TOKENS["high" if quality in _STEPS_ABOVE_HIGH else "medium"])
    factor = _STEPS_ABOVE_HIGH.get(quality, 1.0)
    if size in _MEASURED_SIZES:
        return round(row[_MEASURED_SIZES.index(size)] * factor)
    return math.ceil(row[0] * factor * size[0] * size[1] / (1024 * 1024))
