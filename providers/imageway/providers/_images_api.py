"""The Images API through the `openai` library, for OpenAI, Azure and whatever speaks the same."""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any, Literal, assert_never, cast

import openai
from openai.types import ImagesResponse

from imageway.contract.request import ImageInput, ImageRequest, Operation
from imageway.contract.result import ImageResult
from imageway.contract.stream import ImageEvent
from imageway.providers._api_errors import read_answer, to_image_error
from imageway.providers._api_headers import request_id
from imageway.providers._event_stream import events_of

if TYPE_CHECKING:
    from openai import AsyncOpenAI

__all__ = ("ImagesApiProvider",)

_TAKEN = "X-Stainless-Raw-Response"
_FILE_NAME = {"image/png": "image.png", "image/jpeg": "image.jpg", "image/webp": "image.webp"}


class ImagesApiProvider:
    """An `openai` client as a `StreamingImageProvider`. The client must have `max_retries=0`: the engine alone retries.

    Answers are taken raw and cut apart here: the library's own models would copy every picture several times.
    """

    def __init__(self, client: "AsyncOpenAI") -> None:
        self._client = client

    async def create(self, upstream_model: str, request: ImageRequest) -> ImageResult:
        reply = await self._reply(upstream_model, request, "raw")
        return read_answer(await reply.read(), reply.headers)

    @asynccontextmanager
    async def stream(self, upstream_model: str, request: ImageRequest) -> AsyncIterator[AsyncIterator[ImageEvent]]:
        reply = await self._reply(upstream_model, request, "stream")
        try:
            async with aclosing(events_of(reply, request_id(reply.headers))) as events:
                yield events
        finally:
            await reply.close()

    async def aclose(self) -> None:
        await self._client.close()

    async def _reply(self, upstream_model: str, request: ImageRequest, taken: Literal["raw", "stream"]) -> Any:  # noqa: ANN401
        """The library's raw response, whose class depends on *taken*."""
        params = dict(request.params)
        headers: dict[str, str] = {_TAKEN: taken}
        try:
            match request.operation:
                case Operation.GENERATE:
                    prompt = params.pop("prompt", openai.omit)
                    return await self._client.images.generate(
                        model=upstream_model, prompt=cast("Any", prompt), extra_body=params, extra_headers=headers
                    )
                case Operation.EDIT if "images" in params:
                    # Pictures that nobody looked at, by reference; such an edit is always JSON.
                    return await self._post("/images/edits", {"model": upstream_model, **params}, {}, headers)
                case Operation.EDIT:
                    prompt = params.pop("prompt", openai.omit)
                    return await self._client.images.edit(
                        model=upstream_model,
                        prompt=cast("Any", prompt),
                        extra_body=params,
                        extra_headers=headers,
                        **{"image": [], **_files_of(request)},
                    )
                case Operation.VARIATION:
                    # The library's own method warns on every call that the vendor has retired the operation.
                    headers["Content-Type"] = "multipart/form-data"
                    files = [("image", _file(image)) for image in request.images]  # several only where nobody checks
                    return await self._post("/images/variations", {"model": upstream_model, **params}, files, headers)
                case _:
                    assert_never(request.operation)
        except openai.APIError as error:
            raise to_image_error(error) from error

    async def _post(self, path: str, body: Any, files: Any, headers: dict[str, str]) -> Any:  # noqa: ANN401
        return await self._client.post(
            path, cast_to=ImagesResponse, body=body, files=files or None, options={"headers": headers}
        )


def _files_of(request: ImageRequest) -> dict[str, Any]:
    files: dict[str, Any] = {"image": _files(request.images)} if request.images else {}
    if request.mask is not None:
        files["mask"] = _file(request.mask)
    if request.markup is not None:
        files["markup"] = _file(request.markup)
    return files


def _files(images: tuple[ImageInput, ...]) -> Any:  # noqa: ANN401  # the vendor's FileTypes, which is Any at heart
    return _file(images[0]) if len(images) == 1 else [_file(image) for image in images]


def _file(image: ImageInput) -> tuple[str, bytes, str]:
    media_type = image.facts.format.media_type
    return _FILE_NAME.get(media_type, "image"), image.content, media_type
