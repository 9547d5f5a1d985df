"""What a checked request asks for, with every default resolved, and the seed of its pictures."""

import hashlib
import re

from msgspec import Struct

from imageway.contract.request import ImageInput, ImageRequest, JsonValue, Operation

__all__ = ("Asked", "asked_of", "seed_of")

_SIZE = re.compile(r"([0-9]+)x([0-9]+)")
_AUTOMATIC_SIZES = ((1024, 1024), (1536, 1024), (1024, 1536))
_DETAIL = {"low": 1, "standard": 2, "medium": 2, "hd": 4, "high": 3, "xhigh": 4, "max": 5}


class Asked(Struct, frozen=True, kw_only=True):
    """`compression` is 0 to 100, 100 the best quality; `detail` is 1 to 5."""

    operation: Operation
    prompt: str
    n: int
    size: tuple[int, int]
    quality: str
    style: str | None
    transparent: bool
    output_format: str
    compression: int
    as_url: bool
    dall_e: bool

    @property
    def detail(self) -> int:
        return _DETAIL.get(self.quality, 2)

    @property
    def vividness(self) -> float:
        """The factor on saturation."""
        return {"vivid": 1.3, "natural": 0.72}.get(self.style or "", 1.0)


def asked_of(model: str, request: ImageRequest) -> Asked:
    """*request* as *model* would understand it: `auto` becomes medium quality and the fitting size."""
    params = request.params
    dall_e = model.startswith("dall-e")
    quality = _text(params, "quality", "auto")
    background = _text(params, "background", "auto")
    compression = params.get("output_compression")
    n = params.get("n")
    output_format = "png" if dall_e else _text(params, "output_format", "png")
    return Asked(
        operation=request.operation,
        prompt=_text(params, "prompt", ""),
        n=n if isinstance(n, int) else 1,
        size=_size(params, request),
        quality=("standard" if dall_e else "medium") if quality == "auto" else quality,
        style=(_text(params, "style", "vivid") if model.startswith("dall-e-3") else None),
        transparent=background == "transparent" and output_format != "jpeg",
        output_format=output_format,
        compression=compression if isinstance(compression, int) else 100,
        as_url=dall_e and params.get("response_format") != "b64_json",
        dall_e=dall_e,
    )


def seed_of(request: ImageRequest) -> str:
    """A digest of what the pictures show: operation, prompt and files.

    How they are delivered (size, quality, format) and the model are left out, so that the scene stays the same.
    """
    digest = hashlib.sha256(request.operation.encode())
    parts: list[ImageInput | None] = [*request.images, request.mask, request.markup]
    for content in (_text(request.params, "prompt", "").encode(), *(part.content if part else b"" for part in parts)):
        digest.update(len(content).to_bytes(8, "big"))
        digest.update(content)
    return digest.hexdigest()


def _text(params: dict[str, JsonValue], name: str, default: str) -> str:
    value = params.get(name)
    return value if isinstance(value, str) else default


def _size(params: dict[str, JsonValue], request: ImageRequest) -> tuple[int, int]:
    match = _SIZE.fullmatch(_text(params, "size", "auto"))
    if match is not None:
        return (int(match[1]), int(match[2]))
    if request.operation is not Operation.EDIT or not request.images:
        return _AUTOMATIC_SIZES[0]
    facts = request.images[0].facts
    aspect = facts.width_px / facts.height_px if facts.width_px and facts.height_px else 1.0
    return min(_AUTOMATIC_SIZES, key=lambda size: abs(size[0] / size[1] - aspect))
