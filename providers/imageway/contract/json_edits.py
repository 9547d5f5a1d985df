"""Edits as JSON: `images: [{image_url}]` and `mask: {image_url}`, with the pictures as data URLs."""

import base64
import binascii

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.request import ImageInput, ImageRequest, JsonValue, Operation
from imageway.contract.sniff import image_input
from imageway.contract.wire import generation_request
from imageway.contract.wording import type_word

__all__ = ("MAX_DATA_URL_CHARS", "json_edit_request", "model_named")

MAX_DATA_URL_CHARS = 20_971_520
"""The longest `image_url` that the vendor documents."""


def json_edit_request(body: bytes, *, unchecked: bool = False) -> ImageRequest:
    """A JSON body as an edit, not yet checked. Decodes base64: megabytes don't belong on an event loop.

    With *unchecked* nothing is looked at: `images` and `mask` stay among the parameters as they came.

    Raises `ImageError` (invalid_request) that names the field at fault. `file_id` and links are refused: what can't be
    looked at can't be checked, and this gateway fetches nothing from where callers say.
    """
    request = generation_request(body)
    if unchecked:
        return replace(request, operation=Operation.EDIT)
    params = dict(request.params)
    for name in ("image", "image[]"):
        if name in params:
            raise _fault(
                name, f"Unknown parameter: '{name}'. For application/json on /v1/images/edits, use 'images' (array)."
            )
    images = params.pop("images", [])
    mask = params.pop("mask", None)
    if not isinstance(images, list):
        raise _fault(
            "images",
            f"Invalid type for 'images': expected an array, but got {type_word(images)} instead.",
            "invalid_type",
        )
    if "images" in request.params and not images:
        raise _fault("images", "Invalid 'images': empty array. Expected an array with minimum length 1.", "empty_array")
    return ImageRequest(
        operation=Operation.EDIT,
        model=request.model,
        params=params,
        images=tuple(_picture(item, "images", f"images[{position}]") for position, item in enumerate(images)),
        mask=None if mask is None else _picture(mask, "mask", "mask"),
    )


class _Named(Struct):
    model: object = None


def model_named(body: bytes) -> str:
    """The model that a JSON body names, read without the megabytes around it; empty where there is none to be read."""
    try:
        model = msgspec.json.decode(body, type=_Named).model
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    return model if isinstance(model, str) else ""


def _picture(item: JsonValue, param: str, place: str) -> ImageInput:
    if not isinstance(item, dict):
        raise _fault(
            param, f"Invalid type for '{place}': expected an object, but got {type_word(item)} instead.", "invalid_type"
        )
    given = [name for name, value in item.items() if value is not None]
    if given not in (["image_url"], ["file_id"]):
        raise _fault(param, f"'{place}' must have exactly one of 'image_url' and 'file_id', and nothing else.")
    url = item.get("image_url")
    if url is None:
        raise _fault(param, f"'{place}.file_id' can't be checked here: send the picture as a data URL in 'image_url'.")
    if not isinstance(url, str):
        raise _fault(
            param,
            f"Invalid type for '{place}.image_url': expected a string, but got {type_word(url)} instead.",
            "invalid_type",
        )
    return image_input(_content(url, param, place), place)


def _content(url: str, param: str, place: str) -> bytes:
    if url[:5].lower() != "data:":
        raise _fault(
            param, f"'{place}.image_url' is not fetched and can't be checked here: send the picture as a data URL."
        )
    if len(url) > MAX_DATA_URL_CHARS:
        raise _fault(
            param,
            f"Invalid '{place}.image_url': string too long. Expected a string with maximum length {MAX_DATA_URL_CHARS},"
            f" but got a string with length {len(url)} instead.",
            "string_above_max_length",
        )
    head, comma, payload = url.partition(",")
    if not comma or not head.lower().endswith(";base64"):
        raise _fault(param, f"'{place}.image_url' must look like data:image/png;base64,...")
    try:
        return base64.b64decode(payload, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _fault(param, f"The base64 text of '{place}.image_url' is broken.") from error


def _fault(param: str, message: str, code: str = "invalid_value") -> ImageError:
    return ImageError(ErrorCode.INVALID_REQUEST, message, param=param, upstream_code=code)
