"""What a caller asks for: one operation on one model, as the wire carried it."""

from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct

from imageway.contract.content import Content, whole

__all__ = ("ImageFacts", "ImageFormat", "ImageInput", "ImageRequest", "JsonValue", "Operation", "Scalar")

Scalar: TypeAlias = bool | int | float | str | None
JsonValue: TypeAlias = "Scalar | list[JsonValue] | dict[str, JsonValue]"


class Operation(StrEnum):
    """The three things that the Images API does."""

    GENERATE = "generate"
    EDIT = "edit"
    VARIATION = "variation"


class ImageFormat(StrEnum):
    """An image's format by its content. MPO is a JPEG with more frames behind it, as many phones write it."""

    PNG = "png"
    JPEG = "jpeg"
    WEBP = "webp"
    GIF = "gif"
    MPO = "mpo"
    BMP = "bmp"
    TIFF = "tiff"
    AVIF = "avif"
    HEIC = "heic"
    SVG = "svg"
    UNKNOWN = "unknown"

    @property
    def media_type(self) -> str:
        match self:
            case ImageFormat.UNKNOWN:
                return "application/octet-stream"
            case ImageFormat.MPO:
                return "image/jpeg"
            case ImageFormat.SVG:
                return "image/svg+xml"
            case _:
                return f"image/{self.value}"

    @property
    def extension(self) -> str:
        """The usual file name ending, without the dot."""
        match self:
            case ImageFormat.UNKNOWN:
                return "bin"
            case ImageFormat.JPEG | ImageFormat.MPO:
                return "jpg"
            case _:
                return self.value


class ImageFacts(Struct, frozen=True, kw_only=True):
    """What an image's bytes say of it without being decoded; see `sniff`.

    `width_px` and `height_px` are 0 where the format is unknown or its header is cut short. A PNG, JPEG or WebP is
    `truncated` where its end is missing.
    """

    format: ImageFormat
    width_px: int = 0
    height_px: int = 0
    has_alpha: bool = False
    animated: bool = False
    truncated: bool = False


class ImageInput(Struct, frozen=True, kw_only=True):
    """A picture that came with a request: the caller's bytes untouched, and what they are by content.

    `source` is where the bytes lie. `filename` is what the caller called it; nothing is decided by it. `found_at` is
    the path that it was read from, for whoever looks at it later; it is never sent.
    """

    source: Content
    facts: ImageFacts
    filename: str = "image"
    found_at: str | None = None

    @property
    def content(self) -> bytes:
        """All bytes at once, read anew at every call where they lie in a file. Large ones are better read in chunks."""
        return whole(self.source)

    @property
    def size_bytes(self) -> int:
        return self.source.size


class ImageRequest(Struct, frozen=True, kw_only=True):
    """One call, not yet checked.

    `params` holds what the caller set, by wire name, the prompt included; `model` and the files stand apart.
    A parameter that the caller left out is absent; one that was sent as null is None.
    """

    operation: Operation
    model: str
    params: dict[str, JsonValue]
    images: tuple[ImageInput, ...] = ()
    mask: ImageInput | None = None
    markup: ImageInput | None = None

    @property
    def n(self) -> int:
        """How many pictures a request asks for; 1 where `n` is left out, or is no such number."""
        n = self.params.get("n")
        return n if isinstance(n, int) and n > 0 else 1
