"""The Images API through the `openai` library, for OpenAI, Azure and whatever speaks the same."""

from typing import TYPE_CHECKING, Any, assert_never

import openai

from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.request import ImageInput, ImageRequest, Operation
from imageway.contract.result import ImageResult
from imageway.contract.wire_result import read_result
from imageway.providers._api_errors import to_image_error
from imageway.providers._api_headers import request_id as _request_id

if TYPE_CHECKING:
    from openai import AsyncOpenAI

__all__ = ("ImagesApiProvider",)

_FILE_NAME = {"image/png": "image.png", "image/jpeg": "image.jpg", "image/webp": "image.webp"}


class ImagesApiProvider:
    """An `openai` client as an `ImageProvider`. The client must have `max_retries=0`: the engine alone retries."""

    def __init__(self, client: "AsyncOpenAI") -> None:
        self._client = client

    async def create(self, upstream_model: str, request: ImageRequest) -> ImageResult:
        images = self._client.images.with_raw_response
        params = dict(request.params)
        try:
            match request.operation:
                case Operation.GENERATE:
                    prompt = str(params.pop("prompt"))
                    reply = await images.generate(model=upstream_model, prompt=prompt, extra_body=params)
                case Operation.EDIT:
                    prompt = str(params.pop("prompt"))
                    files: dict[str, Any] = {"image": _files(request.images)}
                    if request.mask is not None:
                        files["mask"] = _file(request.mask)
                    if request.markup is not None:
                        files["markup"] = _file(request.markup)
                    reply = await images.edit(model=upstream_model, prompt=prompt, extra_body=params, **files)
                case Operation.VARIATION:
                    raise ImageError(
                        ErrorCode.INVALID_REQUEST,
                        "Variations aren't served: the vendor retired the operation.",
                        param="model",
                    )
                case _:
                    assert_never(request.operation)
        except openai.APIError as error:
            raise to_image_error(error) from error
        return read_result(reply.content, upstream_request_id=_request_id(reply.headers))

    async def aclose(self) -> None:
        await self._client.close()


def _files(images: tuple[ImageInput, ...]) -> Any:  # noqa: ANN401  # the vendor's FileTypes, which is Any at heart
    return _file(images[0]) if len(images) == 1 else [_file(image) for image in images]


def _file(image: ImageInput) -> tuple[str, bytes, str]:
    media_type = image.facts.format.media_type
    return _FILE_NAME.get(media_type, "image"), image.content, media_type
