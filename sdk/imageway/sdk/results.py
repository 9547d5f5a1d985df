"""What a client's calls give: pictures as bytes, ready to be shown, saved or handed on."""

import base64
import html
import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, overload

from msgspec import UnsetType

from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.request import ImageFacts, ImageFormat
from imageway.contract.result import ImageResult, Usage
from imageway.contract.sniff import sniff
from imageway.sdk.thumbnails import thumbnail_of

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ("Drawing", "DrawnImage", "drawing_of")

T = TypeVar("T")
_ENDINGS = {"jpeg": "jpg", "tif": "tiff"}


@dataclass(frozen=True, kw_only=True)
class DrawnImage:
    """One picture. `content` is None where it came as a link that leads away from the gateway, or failed."""

    content: bytes | None = field(repr=False)
    url: str | None = None
    revised_prompt: str | None = None

    @property
    def bytes(self) -> bytes:
        """The picture as the model gave it. Raises `ImageError` where it is elsewhere, behind `url`."""
        if self.content is None:
            raise ImageError(
                ErrorCode.UPSTREAM_UNAVAILABLE,
                "The picture came as a link, which leads away from the gateway or couldn't be followed. It is paid for,"
                f" and is there for a while: {self.url}",
                may_have_billed=True,
            )
        return self.content

    @cached_property
    def facts(self) -> ImageFacts:
        """Format, width and height, by the picture's own first bytes."""
        return sniff(self.bytes)

    @property
    def data_url(self) -> str:
        return f"data:{self.facts.format.media_type};base64,{base64.b64encode(self.bytes).decode()}"

    @property
    def pil(self) -> "Image":
        """The picture opened by Pillow, anew each time. Raises `ImportError` that names what to install."""
        try:
            from PIL import Image
        except ImportError as error:
            raise ImportError("opening pictures needs Pillow: pip install pillow") from error
        return Image.open(io.BytesIO(self.bytes))

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture's own bytes to *path*, which gets the ending of their format where it has none.

        Raises `ValueError` for an ending of another format: nothing is converted here. What stands there is replaced
        when all is written.
        """
        # Files on their way belong to the pipelines, which this module doesn't need otherwise.
        from imageway.sdk.pipeline.files.sink import atomic_file

        target = Path(path)
        format_ = self.facts.format
        if not target.suffix and format_ is not ImageFormat.UNKNOWN:
            target = target.with_name(f"{target.name}.{format_.extension}")
        ending = target.suffix[1:].lower()
        told = _ENDINGS.get(ending, ending)
        if format_ is not ImageFormat.UNKNOWN and told in _known_endings() and told != format_.extension:
            raise ValueError(
                f"the picture is {format_.value.upper()}, but '{target.name}' ends in .{ending}; name it"
                f" '{target.with_suffix('.' + format_.extension).name}', or ask for another output_format"
            )
        content = self.bytes
        with atomic_file(target) as file:
            file.write(content)
        return target

    def _repr_html_(self) -> str:
        """How notebooks show it: a thumbnail (the whole picture without Pillow), the revised prompt as text."""
        if self.content is None:
            link = html.escape(self.url or "", quote=True)
            return f'<a href="{link}" rel="noreferrer noopener">{link}</a>'
        told = html.escape(self.revised_prompt or "")
        size = f"{self.facts.width_px}x{self.facts.height_px}" if self.facts.width_px else ""
        source = thumbnail_of(self.content) or self.data_url
        return (
            '<figure style="display:inline-block;margin:4px;max-width:260px;vertical-align:top">'
            f'<img src="{source}" alt="{told}" style="max-width:256px;max-height:256px">'
            f"<figcaption>{self.facts.format.value} {size} {told}</figcaption></figure>"
        )


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """An answer: one picture or more. `bytes`, `data_url`, `pil` and `save` are those of the first.

    `cost_usd` is what the call came to, None where nobody knows; `target` is who drew it, and `translated` names the
    rules by which the request was changed on the way.
    """

    images: tuple[DrawnImage, ...]
    created: int
    request_id: str | None = None
    cost_usd: Decimal | None = None
    target: str | None = None
    translated: tuple[str, ...] = ()
    usage: Usage | None = None
    size: str | None = None
    quality: str | None = None
    background: str | None = None
    output_format: str | None = None

    @overload
    def __getitem__(self, index: int) -> DrawnImage: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[DrawnImage, ...]: ...
    def __getitem__(self, index: int | slice) -> DrawnImage | tuple[DrawnImage, ...]:
        return self.images[index]

    def __len__(self) -> int:
        return len(self.images)

    def __iter__(self) -> Iterator[DrawnImage]:
        return iter(self.images)

    @property
    def bytes(self) -> bytes:
        return self.images[0].bytes

    @property
    def data_url(self) -> str:
        return self.images[0].data_url

    @property
    def pil(self) -> "Image":
        return self.images[0].pil

    def save(self, path: str | os.PathLike[str]) -> Path:
        """See `DrawnImage.save`; for the others of several there is `drawing[1].save`."""
        return self.images[0].save(path)

    def _repr_html_(self) -> str:
        cost = "" if self.cost_usd is None else f"${self.cost_usd:f}, "
        told = html.escape(f"{cost}{self.target or ''} {self.request_id or ''}".strip())
        pictures = "".join(image._repr_html_() for image in self.images)
        return f"<div>{pictures}<div><small>{told}</small></div></div>"


def drawing_of(result: ImageResult, contents: Sequence[bytes | None]) -> Drawing:
    """The answer *result*, whose pictures have *contents*; None for one that stays a link."""
    headers = result.upstream_headers
    return Drawing(
        images=tuple(
            DrawnImage(content=content, url=_set(image.url), revised_prompt=_set(image.revised_prompt))
            for image, content in zip(result.images, contents, strict=True)
        ),
        created=result.created,
        request_id=result.upstream_request_id,
        cost_usd=_usd(headers.get("imageway-cost-usd")),
        target=headers.get("imageway-target"),
        translated=tuple(rule.strip() for rule in headers.get("imageway-translated", "").split(",") if rule.strip()),
        usage=_set(result.usage),
        size=_set(result.size),
        quality=_set(result.quality),
        background=_set(result.background),
        output_format=_set(result.output_format),
    )


def _known_endings() -> set[str]:
    return {format_.extension for format_ in ImageFormat if format_ is not ImageFormat.UNKNOWN}


def _set(value: T | UnsetType) -> T | None:
    return None if isinstance(value, UnsetType) else value


def _usd(text: str | None) -> Decimal | None:
    try:
        return None if text is None else Decimal(text)
    except InvalidOperation:
        return None
