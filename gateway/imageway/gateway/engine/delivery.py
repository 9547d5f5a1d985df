"""From what a target drew to what the contract promised: exact sizes, links, and no field that it hasn't."""

import asyncio
import base64
import re
from types import TracebackType
from typing import Self

from msgspec import UnsetType
from msgspec.structs import replace

from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.result import GeneratedImage, ImageResult
from imageway.contract.sniff import sniff
from imageway.contract.spec import ModelSpec
from imageway.gateway.media.store import MediaStore
from imageway.gateway.spool import AnswerStore, Spool
from imageway.providers.registry import Passage
from imageway.providers.translation import translated_result

__all__ = ("Delivery", "Room")

_SIZE = re.compile(r"([0-9]+)x([0-9]+)")
_LARGEST_PICTURE = (3840, 2160)
_USUAL_PICTURE = (1536, 1024)
_BYTES_PER_PIXEL = 4
_HEADROOM_BYTES = 65_536
_DATA_URL = "data:"


class Room:
    """A place for the pictures of one call, made before it is paid for, in *store* and in *media* where there are any.

    Entering it raises `ImageError` where *media* has no room for what may be drawn.
    """

    def __init__(self, passage: Passage, media: MediaStore | None, store: AnswerStore | None) -> None:
        self.store = store
        self._translation = passage.translation
        self._keep = media.keep if media else None
        links = media is not None and passage.translation is not None and passage.translation.links
        self._reserving = media.reserving(_most_bytes(passage)) if media and links else None

    async def __aenter__(self) -> Self:
        if self._reserving is not None:
            try:
                self._keep = (await self._reserving.__aenter__()).keep
            except BaseException:
                self._close()
                raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None:
            self._close()
        if self._reserving is not None:
            await self._reserving.__aexit__(kind, error, traceback)

    def _close(self) -> None:
        if self.store is not None:
            self.store.close()

    async def delivered(self, result: ImageResult, contract: ModelSpec) -> ImageResult:
        """*result* in the terms of *contract*. Raises `ImageError` (`may_have_billed`) where that can't be done."""
        try:
            images = tuple([await self._delivered(image) for image in result.images])
        except ImageError as error:
            if error.may_have_billed:
                raise
            raise ImageError(
                ErrorCode.INTERNAL, f"The picture was drawn, but not delivered: {error.message}", may_have_billed=True
            ) from error
        told = result
        if any(image is not came for image, came in zip(images, result.images, strict=True)):
            told = replace(result, images=images, as_it_came=None)
        return told if self._translation is None else translated_result(told, self._translation, contract)

    async def _delivered(self, image: GeneratedImage) -> GeneratedImage:
        translation = self._translation
        url = None if isinstance(image.url, UnsetType) else image.url
        if url is not None and url.startswith(_DATA_URL) and self._keep is not None:
            content = await asyncio.to_thread(base64.b64decode, url.partition(",")[2])
            return replace(image, url=await self._keep(content))
        resize_to = translation.resize_to if translation else None
        links = translation is not None and translation.links and url is None
        if resize_to is None and not links:
            return image
        content = await asyncio.to_thread(_content, image, resize_to)
        if not links:
            kept = await asyncio.to_thread(GeneratedImage.from_bytes, content)
            return replace(image, b64_json=kept.b64_json)
        link = await self._keep(content) if self._keep else await asyncio.to_thread(_data_url, content)
        return GeneratedImage(url=link, revised_prompt=image.revised_prompt)


class Delivery:
    """Makes room for answers in *spool*, and for links in *media*; without it links carry the picture in themselves.

    No answer has more than *max_answer_bytes*.
    """

    def __init__(
        self, media: MediaStore | None, spool: Spool | None = None, *, max_answer_bytes: int = 1_000_000_000
    ) -> None:
        self._media = media
        self._spool = spool
        self._max_answer_bytes = max_answer_bytes

    def room_for(self, passage: Passage) -> Room:
        """For the time of a call by *passage*. Raises `ImageError` where there is no room for its answer."""
        store = None
        if self._spool is not None:
            store = AnswerStore(self._spool.answer(_usual_bytes(passage)), self._max_answer_bytes)
        return Room(passage, self._media, store)


def _usual_bytes(passage: Passage) -> int:
    """What an answer comes to at most, where its size is known; as base64."""
    match = _SIZE.fullmatch(str(passage.request.params.get("size")))
    width, height = (int(match[1]), int(match[2])) if match else _USUAL_PICTURE
    return passage.request.n * (width * height * _BYTES_PER_PIXEL + _HEADROOM_BYTES) * 4 // 3


def _most_bytes(passage: Passage) -> int:
    match = _SIZE.fullmatch(str(passage.request.params.get("size")))
    drawn = (int(match[1]), int(match[2])) if match else _LARGEST_PICTURE
    width, height = (passage.translation and passage.translation.resize_to) or drawn
    return passage.request.n * (width * height * _BYTES_PER_PIXEL + _HEADROOM_BYTES)


def _content(image: GeneratedImage, resize_to: tuple[int, int] | None) -> bytes:
    try:
        content = image.content
        if resize_to is None:
            return content
        from imageway.gateway.media.pixels import resized  # Pillow, which most gateways never need

        return resized(content, *resize_to)
    except ValueError as error:
        raise ImageError(
            ErrorCode.UPSTREAM_UNAVAILABLE,
            f"The upstream's picture can't be brought to the contract's size: {error}.",
            may_have_billed=True,
        ) from error


def _data_url(content: bytes) -> str:
    return f"{_DATA_URL}{sniff(content).format.media_type};base64,{base64.b64encode(content).decode()}"
