"""The Images API as the `openai` library describes it, for OpenAI, Azure and whatever speaks the same."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, assert_never

import msgspec

from imageway.contract.content import Store
from imageway.contract.request import ImageInput, ImageRequest, Operation
from imageway.contract.result import ImageResult
from imageway.contract.stream import ImageEvent
from imageway.providers._api_errors import read_answer
from imageway.providers._api_headers import request_id
from imageway.providers._carrier import Body, Carrier, Pieces, read
from imageway.providers._event_stream import events_of
from imageway.providers._multipart import FilePart, form_body, form_texts

if TYPE_CHECKING:
    from openai import AsyncOpenAI

__all__ = ("ImagesApiProvider",)

_FILE_NAME = {"image/png": "image.png", "image/jpeg": "image.jpg", "image/webp": "image.webp"}


class ImagesApiProvider:
    """A provider that streams and stores, for whatever *client*, which `client_options` made, points at.

    Nothing is sent twice: the engine alone retries. Where the login changes, *token* gives that of the moment.
    """

    def __init__(self, client: "AsyncOpenAI", token: Callable[[], Awaitable[str]] | None = None) -> None:
        self._carrier = Carrier(client, token)

    async def create(self, upstream_model: str, request: ImageRequest) -> ImageResult:
        path, body = _sent(upstream_model, request)
        async with await self._carrier.post(path, upstream_model, body) as reply:
            return read_answer(await read(reply), reply.headers)

    async def create_in(self, upstream_model: str, request: ImageRequest, store: Store) -> ImageResult:
        path, body = _sent(upstream_model, request)
        async with await self._carrier.post(path, upstream_model, body) as reply:
            async for chunk in Pieces(reply):
                store.write(chunk)
            answer, content = store.finished()
            return read_answer(answer, reply.headers, content)

    @asynccontextmanager
    async def stream(self, upstream_model: str, request: ImageRequest) -> AsyncIterator[AsyncIterator[ImageEvent]]:
        path, body = _sent(upstream_model, request)
        async with (
            await self._carrier.post(path, upstream_model, body) as reply,
            aclosing(events_of(reply, request_id(reply.headers))) as events,
        ):
            yield events

    async def aclose(self) -> None:
        await self._carrier.aclose()


def _sent(upstream_model: str, request: ImageRequest) -> tuple[str, Body]:
    """Where *request* goes, and as what."""
    params = {"model": upstream_model, **request.params}
    match request.operation:
        case Operation.GENERATE:
            return "/images/generations", _json(params)
        case Operation.EDIT if "images" in params:
            # Pictures that nobody looked at, by reference; such an edit is always JSON.
            return "/images/edits", _json(params)
        case Operation.EDIT:
            name = "image" if len(request.images) == 1 else "image[]"
            files = [_file(name, image) for image in request.images]
            others = (("mask", request.mask), ("markup", request.markup))
            files += [_file(name, file) for name, file in others if file is not None]
            return "/images/edits", form_body(form_texts(params), files)
        case Operation.VARIATION:
            files = [_file("image", image) for image in request.images]  # several only where nobody checks
            return "/images/variations", form_body(form_texts(params), files)
        case _:
            assert_never(request.operation)


def _json(params: object) -> Body:
    content = msgspec.json.encode(params)
    return Body("application/json", len(content), content)


def _file(name: str, image: ImageInput) -> FilePart:
    media_type = image.facts.format.media_type
    return FilePart(name, _FILE_NAME.get(media_type, "image"), media_type, image.source)
