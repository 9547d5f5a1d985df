"""Bodies of edits and variations: values typed as the model's spec expects, files sorted by field."""

import asyncio
from collections.abc import Callable
from typing import Any

from litestar import Request
from litestar.datastructures import FormMultiDict, UploadFile
from msgspec.structs import replace

from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.json_edits import json_edit_request, model_named
from imageway.contract.request import ImageInput, ImageRequest, Operation
from imageway.contract.sniff import image_input
from imageway.contract.wire import typed_form
from imageway.providers.registry import Registry

__all__ = ("picture_request",)

_LONGEST_TEXT = 1_000_000


async def picture_request(
    request: Request[Any, Any, Any],
    operation: Operation,
    registry: Registry,
    named: Callable[[str], str],
    max_pixels: int,
) -> ImageRequest:
    """The edit or variation that a body asks for, not yet checked.

    Raises `ImageError` for other content types, for fields that no edit has, for JSON to a model that takes none, and
    for pictures of more than *max_pixels*. *named* gives the model that is meant by what the body
    says.
    """
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type == "application/json" and operation is Operation.EDIT:
        return _opened(await asyncio.to_thread(_json_edit, await request.body(), registry, named), max_pixels)
    if content_type != "multipart/form-data":
        raise ImageError(
            ErrorCode.INVALID_REQUEST,
            "Edits are sent as multipart/form-data, with files named 'image' or 'image[]' and 'mask', or as"
            " application/json, with data URLs in 'images' and 'mask'."
            if operation is Operation.EDIT
            else "Variations are sent as multipart/form-data, with a file named 'image'.",
        )
    return _opened(await _form_request(request, operation, registry, named), max_pixels)


async def _form_request(
    request: Request[Any, Any, Any], operation: Operation, registry: Registry, named: Callable[[str], str]
) -> ImageRequest:
    texts: list[tuple[str, str]] = []
    images: list[ImageInput] = []
    others: dict[str, ImageInput] = {}
    for name, value in (await _form(request)).multi_items():
        if isinstance(value, UploadFile):
            file = await asyncio.to_thread(image_input, await value.read(), value.filename or "image")
            if name in ("image", "image[]"):
                images.append(file)
            elif name in ("mask", "markup"):
                if name in others:
                    raise _misplaced(name, f"'{name}' was sent more than once.")
                others[name] = file
            else:
                raise _misplaced(name, _unknown_file(name))
        elif name in ("image", "image[]", "mask", "markup"):
            raise _misplaced(name, f"'{name}' must be a file, but it was sent as text.")
        elif len(str(value)) > _LONGEST_TEXT:
            raise _misplaced(name, f"'{name}' is longer than {_LONGEST_TEXT} characters.")
        else:
            texts.append((name, str(value)))
    repeated = {name for name, _ in texts if sum(other == name for other, _ in texts) > 1}
    if repeated:
        name = min(repeated)
        raise _misplaced(name, f"'{name}' was sent more than once.")
    model = named(next((text for name, text in texts if name == "model"), ""))
    return ImageRequest(
        operation=operation,
        model=model,
        params=_typed(texts, operation, registry, model),
        images=tuple(images),
        mask=others.get("mask"),
        markup=others.get("markup"),
    )


async def _form(request: Request[Any, Any, Any]) -> FormMultiDict:
    try:
        return await request.form()
    except (UnicodeDecodeError, LookupError) as error:
        raise ImageError(
            ErrorCode.INVALID_REQUEST, "The form can't be read: texts must be UTF-8, and files need a file name."
        ) from error


def _json_edit(body: bytes, registry: Registry, named: Callable[[str], str]) -> ImageRequest:
    model = named(model_named(body) or "")
    if registry.validations.get(model) == "off":
        return replace(json_edit_request(body, unchecked=True), model=model)
    edit = replace(json_edit_request(body), model=model)
    contract = registry.contracts.get(model)
    operation = contract.operations.get(Operation.EDIT) if contract else None
    if operation is not None and "json" not in operation.bodies:
        raise ImageError(
            ErrorCode.INVALID_REQUEST,
            f"The model '{model}' takes edits as multipart/form-data only.",
            param="images",
            upstream_code="invalid_value",
        )
    return edit


def _opened(request: ImageRequest, max_pixels: int) -> ImageRequest:
    """*request* again, whose pictures may be opened. Raises `ImageError` that names each that is too large for it."""
    files = [("image", f"Image {position}", image) for position, image in enumerate(request.images, start=1)]
    files += [(name, f"'{name}'", file) for name in ("mask", "markup") if (file := getattr(request, name)) is not None]
    faults = [
        (param, f"{called} is {file.facts.width_px}x{file.facts.height_px}, which is more than {max_pixels} pixels.")
        for param, called, file in files
        if file.facts.width_px * file.facts.height_px > max_pixels
    ]
    if faults:
        message = " ".join((*(told for _, told in faults), "This gateway passes on none so large."))
        raise ImageError(ErrorCode.INVALID_REQUEST, message, param=faults[0][0], upstream_code="invalid_image_file")
    return request


def _typed(texts: list[tuple[str, str]], operation: Operation, registry: Registry, model: str) -> dict[str, Any]:
    contract = registry.contracts.get(model)
    spec = contract.operations.get(operation) if contract else None
    return typed_form(((name, text) for name, text in texts if name != "model"), spec.params if spec else {})


def _unknown_file(name: str) -> str:
    if name in ("images", "images[]"):
        return f"Unknown parameter: '{name}'. For multipart/form-data use 'image' or 'image[]'."
    return f"Unknown parameter: '{name}'. Files here: 'image', 'image[]', 'mask' and 'markup'."


def _misplaced(name: str, message: str) -> ImageError:
    return ImageError(ErrorCode.INVALID_REQUEST, message, param=name, upstream_code="invalid_value")
