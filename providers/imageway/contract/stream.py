"""Streamed answers: previews while a picture is drawn, then the picture; as server-sent events in OpenAI's dialect."""

from typing import Any, TypeAlias

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from imageway.contract.errors import ImageError
from imageway.contract.long_strings import is_utf8
from imageway.contract.request import Operation
from imageway.contract.result import GeneratedImage, ImageResult, Usage
from imageway.contract.sse import ServerSentEvent
from imageway.contract.wire import error_body

__all__ = (
    "KEEP_ALIVE",
    "CompletedImage",
    "ImageEvent",
    "PartialImage",
    "completed_events",
    "error_event_bytes",
    "event_bytes",
    "read_event",
)

KEEP_ALIVE = b": keep-alive\n\n"
"""A comment: clients try to parse an empty event's data as JSON."""


class PartialImage(Struct, frozen=True, kw_only=True):
    """A preview. `index` counts from 0; `fields` is the event's JSON object without its type, pictures as they came."""

    index: int
    fields: dict[str, Raw]


class CompletedImage(Struct, frozen=True, kw_only=True):
    """A finished picture; `usage` is that of the whole call."""

    fields: dict[str, Raw]
    usage: Usage | UnsetType = UNSET

    @property
    def image(self) -> GeneratedImage:
        if "b64_json" in self.fields:
            return GeneratedImage(b64_json=self.fields["b64_json"])
        return GeneratedImage(url=msgspec.json.decode(self.fields["url"], type=str))


ImageEvent: TypeAlias = PartialImage | CompletedImage


def event_bytes(event: ImageEvent, operation: Operation) -> bytes:
    """*event* as it goes on the wire, blank line included: clients lose a last event that lacks it."""
    type_ = f"{_PREFIX[operation]}.{'partial_image' if isinstance(event, PartialImage) else 'completed'}"
    return _event(type_, msgspec.json.encode({"type": type_, **event.fields}))


def error_event_bytes(error: ImageError, request_id: str | None = None) -> bytes:
    """*error* as an event, for a stream whose status 200 is out already; clients raise on the `error` object."""
    return _event("error", b'{"type":"error",' + error_body(error, request_id).removeprefix(b"{"))


def _event(type_: str, data: bytes) -> bytes:
    if b"\n" in data or b"\r" in data:
        data = msgspec.json.format(data, indent=-1)  # what came with line ends between its values
    return b"event: " + type_.encode() + b"\ndata: " + data + b"\n\n"


def read_event(event: ServerSentEvent) -> ImageEvent | None:
    """What *event* shows; None for one that holds no picture.

    Read leniently, like a whole answer: it may have been charged for. Fields that are no UTF-8 are left out. Error
    events are the caller's to look for first.
    """
    try:
        fields = msgspec.json.decode(event.data, type=dict[str, Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not event.data.isascii():
        fields = {name: raw for name, raw in fields.items() if is_utf8(bytes(raw))}
    type_ = _read(fields.pop("type", None), str) or event.type
    if len(fields.get("b64_json", b"")) <= len(b'""'):
        return None
    if type_.endswith(".partial_image"):
        return PartialImage(index=_read(fields.get("partial_image_index"), int) or 0, fields=fields)
    if type_.endswith(".completed"):
        usage = _read(fields.get("usage"), Usage)
        return CompletedImage(fields=fields, usage=UNSET if usage is None else usage)
    return None


def completed_events(result: ImageResult) -> tuple[CompletedImage, ...]:
    """A whole answer as the last events of a stream, for providers that have no stream of their own."""
    told: dict[str, Raw] = {"created_at": _raw(result.created)}
    for name in ("size", "quality", "background", "output_format"):
        value = getattr(result, name)
        if value is not UNSET:
            told[name] = _raw(value)
    if result.usage is not UNSET:
        told["usage"] = _raw(result.usage)
    return tuple(CompletedImage(fields={**_picture(image), **told}, usage=result.usage) for image in result.images)


def _picture(image: GeneratedImage) -> dict[str, Raw]:
    return {"url": _raw(image.url)} if isinstance(image.b64_json, UnsetType) else {"b64_json": image.b64_json}


def _raw(value: Any) -> Raw:  # noqa: ANN401  # whatever msgspec encodes
    return Raw(msgspec.json.encode(value))


def _read(raw: Raw | None, type_: Any) -> Any:  # noqa: ANN401  # one reader for whatever type
    if raw is None:
        return None
    try:
        return msgspec.json.decode(raw, type=type_)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


_PREFIX = {
    Operation.GENERATE: "image_generation",
    Operation.EDIT: "image_edit",
    Operation.VARIATION: "image_variation",
}
