"""Answers of the Images API: a picture that was paid for is kept, whatever stands beside it."""

import time
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.result import GeneratedImage, ImageResult, Usage

__all__ = ("read_result",)


def read_result(
    body: bytes, *, upstream_request_id: str | None = None, headers: Mapping[str, str] | None = None
) -> ImageResult:
    """An answer of the Images API, with every picture in it. Raises `ImageError` where there is none.

    Such an answer came with status 200: the vendor may have charged for it. So the rest is read leniently: what isn't
    as documented counts as absent, entries without a picture are left out, and `created` falls back to now. All of
    *headers* is kept: the caller picks those that are worth it.
    """
    try:
        fields, entries = _parted(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _unusable("The answer is not what the Images API sends.", upstream_request_id) from error
    images = tuple(image for entry in entries or () if (image := _image(entry)) is not None)
    if not images:
        raise _unusable("The answer carries no picture.", upstream_request_id)
    created = _read(fields, "created", int)
    return ImageResult(
        created=int(time.time()) if created is None else created,
        images=images,
        background=_text(fields, "background"),
        output_format=_text(fields, "output_format"),
        quality=_text(fields, "quality"),
        size=_text(fields, "size"),
        usage=_read(fields, "usage", Usage) or UNSET,
        safety_identifier=_text(fields, "safety_identifier"),
        svg_usage=_object(fields, "svg_usage"),
        upstream_request_id=upstream_request_id,
        upstream_headers=dict(headers or {}),
    )


class _Envelope(Struct):
    """What may stand in an answer, so that its megabytes are gone through once."""

    data: list[dict[str, Raw]]
    created: Raw | UnsetType = UNSET
    background: Raw | UnsetType = UNSET
    output_format: Raw | UnsetType = UNSET
    quality: Raw | UnsetType = UNSET
    size: Raw | UnsetType = UNSET
    usage: Raw | UnsetType = UNSET
    safety_identifier: Raw | UnsetType = UNSET
    svg_usage: Raw | UnsetType = UNSET


def _parted(body: bytes) -> tuple[Mapping[str, Raw], list[dict[str, Raw]] | None]:
    """The fields of *body* beside its entries, and the entries; None where they aren't as documented."""
    try:
        envelope = msgspec.json.decode(body, type=_Envelope)
    except msgspec.ValidationError:
        fields = msgspec.json.decode(body, type=dict[str, Raw])
        return fields, _read(fields, "data", list[dict[str, Raw]])
    told = {name: getattr(envelope, name) for name in _Envelope.__struct_fields__[1:]}
    return {name: value for name, value in told.items() if value is not UNSET}, envelope.data


def _image(entry: Mapping[str, Raw]) -> GeneratedImage | None:
    b64_json: Raw | UnsetType = entry.get("b64_json", UNSET)
    if isinstance(b64_json, UnsetType) or not _is_filled_text(b64_json):
        b64_json = UNSET
    url = _text(entry, "url")
    if b64_json is UNSET and url is UNSET:
        return None
    return GeneratedImage(
        b64_json=b64_json,
        url=url,
        revised_prompt=_text(entry, "revised_prompt"),
        content_filter_results=_object(entry, "content_filter_results"),
        prompt_filter_results=_object(entry, "prompt_filter_results"),
    )


def _is_filled_text(raw: Raw) -> bool:
    view = memoryview(raw)
    return len(view) > 2 and view[0] == ord('"')


def _text(fields: Mapping[str, Raw], name: str) -> str | UnsetType:
    return _read(fields, name, str) or UNSET


def _object(fields: Mapping[str, Raw], name: str) -> Raw | UnsetType:
    raw: Raw | UnsetType = fields.get(name, UNSET)
    return raw if not isinstance(raw, UnsetType) and memoryview(raw)[0] == ord("{") else UNSET


def _read(fields: Mapping[str, Raw], name: str, type_: Any) -> Any:  # noqa: ANN401  # one reader for whatever type
    if name not in fields:
        return None
    try:
        return msgspec.json.decode(fields[name], type=type_)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _unusable(message: str, upstream_request_id: str | None) -> ImageError:
    return ImageError(
        ErrorCode.UPSTREAM_UNAVAILABLE, message, may_have_billed=True, upstream_request_id=upstream_request_id
    )
