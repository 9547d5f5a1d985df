"""Bodies of edits and variations: values typed as the model's spec expects, files sorted by field."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any, assert_never

from litestar import Request
from msgspec import Struct
from msgspec.structs import replace

from imageway.contract.content import Content
from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.json_edits import json_edit_request, model_named
from imageway.contract.request import ImageInput, ImageRequest, Operation
from imageway.contract.sniff import image_input
from imageway.contract.wire import typed_form
from imageway.gateway.http.bodies import announced_bytes, take_body, whole_body
from imageway.gateway.http.form_parts import FormCutter, FormEvent, PartEnd, PartStart
from imageway.gateway.spool import Pocket, Spool, unwritable
from imageway.providers.registry import Registry

__all__ = ("Intake", "picture_request")

AnyRequest = Request[Any, Any, Any]
_LONGEST_TEXT = 1_000_000
_MOST_TEXT_BYTES = 4 * _LONGEST_TEXT
"""Of all texts of a form together, which lie in no spool."""

_LOOKED_THROUGH_BYTES = 1 << 20
_JPEG = b"\xff\xd8"
_CHARSETS = {"utf-8": "utf-8", "utf8": "utf-8", "us-ascii": "utf-8", "iso-8859-1": "latin-1"}
"""Those that clients name. Others of Python's fail in ways of their own, or take minutes for what they were sent."""

_FILES = ("image", "image[]", "mask", "markup")
_JSON_TIMES = 3
"""A JSON edit is in memory as a body, as text and as pictures."""


class Intake(Struct, frozen=True, kw_only=True):
    """What bodies may take up: in all, each, and each picture once it is opened."""

    spool: Spool
    max_bytes: int
    max_pixels: int


async def picture_request(
    request: AnyRequest,
    operation: Operation,
    registry: Registry,
    named: Callable[[str], str],
    intake: Intake,
) -> ImageRequest:
    """The edit or variation that a body asks for, not yet checked.

    Raises `ImageError` for other content types, for fields that no edit has, for JSON to a model that takes none, for
    bodies that there is no room for, which are not read, and for pictures of too many pixels. *named* gives the model
    that is meant by what the body says.
    """
    content_type = request.headers.get("content-type", "")
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/json" and operation is Operation.EDIT:
        body = await whole_body(request, intake.spool, intake.max_bytes, times=_JSON_TIMES)
        return _opened(await asyncio.to_thread(_json_edit, body, registry, named), intake.max_pixels)
    if kind != "multipart/form-data":
        raise ImageError(
            ErrorCode.INVALID_REQUEST,
            "Edits are sent as multipart/form-data, with files named 'image' or 'image[]' and 'mask', or as"
            " application/json, with data URLs in 'images' and 'mask'."
            if operation is Operation.EDIT
            else "Variations are sent as multipart/form-data, with a file named 'image'.",
        )
    form = _Form()
    pocket = intake.spool.pocket(announced_bytes(request, intake.max_bytes))
    try:
        cutter = FormCutter(content_type)

        def take(piece: bytes) -> None:
            for event in cutter.feed(piece):
                form.take(event, pocket)

        await take_body(request, intake.max_bytes, take)
        cutter.close()
        return _opened(await form.request(operation, registry, named), intake.max_pixels)
    except OSError as error:
        pocket.close()
        raise unwritable(error) from error
    except BaseException:
        pocket.close()
        raise


class _Form:
    """What has come of a form: short texts, and files that lie in a pocket."""

    def __init__(self) -> None:
        self._texts: list[tuple[str, str]] = []
        self._files: list[tuple[str, str, Content]] = []
        self._part = PartStart("", None, "utf-8")
        self._text = bytearray()
        self._text_bytes = 0
        self._start = 0

    def take(self, event: FormEvent, pocket: Pocket) -> None:
        match event:
            case bytes() if self._part.filename:
                pocket.write(event)
            case bytes():
                self._text += event
                self._text_bytes += len(event)
                if self._text_bytes > _MOST_TEXT_BYTES:
                    message = f"The texts of a form are longer than {_MOST_TEXT_BYTES} bytes together."
                    raise ImageError(ErrorCode.PAYLOAD_TOO_LARGE, message)
            case PartStart():
                self._part, self._start = event, pocket.size
                self._text.clear()
                _check_name(event.name, is_file=bool(event.filename))
            case PartEnd() if self._part.filename:
                content = pocket.content(self._start, pocket.size - self._start)
                self._files.append((self._part.name, self._part.filename, content))
            case PartEnd():
                self._texts.append((self._part.name, self._decoded()))
            case _:
                assert_never(event)

    def _decoded(self) -> str:
        try:
            text = self._text.decode(_CHARSETS[self._part.charset.lower()])
        except (UnicodeDecodeError, KeyError) as error:
            raise ImageError(
                ErrorCode.INVALID_REQUEST, "The form can't be read: texts must be UTF-8, and files need a file name."
            ) from error
        if self._part.name in _FILES:
            raise _misplaced(self._part.name, f"'{self._part.name}' must be a file, but it was sent as text.")
        if len(text) > _LONGEST_TEXT:
            raise _too_long(self._part.name)
        return text

    async def request(self, operation: Operation, registry: Registry, named: Callable[[str], str]) -> ImageRequest:
        images: list[ImageInput] = []
        others: dict[str, ImageInput] = {}
        for name, filename, content in self._files:
            # A JPEG is looked through up to its end; everything else tells what it is in no time.
            large = content.size > _LOOKED_THROUGH_BYTES and content.at(0, 2) == _JPEG
            file = await asyncio.to_thread(image_input, content, filename) if large else image_input(content, filename)
            if name in ("image", "image[]"):
                images.append(file)
            elif name in others:
                raise _misplaced(name, f"'{name}' was sent more than once.")
            else:
                others[name] = file
        names = Counter(name for name, _ in self._texts)
        repeated = [name for name, count in names.items() if count > 1]
        if repeated:
            raise _misplaced(min(repeated), f"'{min(repeated)}' was sent more than once.")
        model = named(next((text for name, text in self._texts if name == "model"), ""))
        return ImageRequest(
            operation=operation,
            model=model,
            params=_typed(self._texts, operation, registry, model),
            images=tuple(images),
            mask=others.get("mask"),
            markup=others.get("markup"),
        )


def _check_name(name: str, *, is_file: bool) -> None:
    if is_file and name not in _FILES:
        raise _misplaced(name, _unknown_file(name))


def _too_long(name: str) -> ImageError:
    return _misplaced(name, f"'{name}' is longer than {_LONGEST_TEXT} characters.")


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
