"""Answers of the Images API: a picture that was paid for is kept, whatever stands beside it."""

import time
from collections.abc import Mapping
from mmap import mmap
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType
from msgspec.structs import replace

from imageway.contract.content import Content
from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.long_strings import Shortened
from imageway.contract.result import Answer, GeneratedImage, ImageResult, Usage

__all__ = ("read_result",)


def read_result(
    body: bytes | mmap,
    *,
    upstream_request_id: str | None = None,
    headers: Mapping[str, str] | None = None,
    content: Content | None = None,
    looked_over: bool = True,
) -> ImageResult:
    """An answer of the Images API, with every picture in it. Raises `ImageError` where there is none.

    Such an answer came with status 200: the vendor may have charged for it. So the rest is read leniently: what isn't
    as documented counts as absent, what is no JSON within a string too, entries without a picture are left out, and
    `created` falls back to now. All of
    *headers* is kept: the caller picks those that are worth it. Pictures are stepped over. *content* is *body* for
    whoever passes it on, and becomes the result's `as_it_came` where nothing of it was left out.

    Whoever decodes every picture needn't have them *looked_over*, which takes as long: one whose text is broken then
    stays in the answer.
    """
    shortened = Shortened(body, looked_over=looked_over)
    answer, whole = _documented(shortened), True
    if answer is None:
        answer, whole = _by_parts(shortened, upstream_request_id)
        if not shortened.all_taken:  # there are long strings where none was looked for
            answer, whole = _by_parts(Shortened(body, longest=len(body)), upstream_request_id)
    return ImageResult(
        created=answer.created,
        images=answer.data,
        background=answer.background,
        output_format=answer.output_format,
        quality=answer.quality,
        size=answer.size,
        usage=answer.usage,
        safety_identifier=answer.safety_identifier,
        svg_usage=answer.svg_usage,
        upstream_request_id=upstream_request_id,
        upstream_headers=dict(headers or {}),
        as_it_came=content if whole else None,
    )


def _documented(shortened: Shortened) -> Answer | None:
    """An answer that is as documented in all its parts, read at once; None for any other, to be read part by part."""
    try:
        answer = msgspec.json.decode(shortened.text, type=Answer)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    images = tuple(
        image if isinstance(image.b64_json, UnsetType) else replace(image, b64_json=shortened.original(image.b64_json))
        for image in answer.data
    )
    texts = [answer.background, answer.output_format, answer.quality, answer.size, answer.safety_identifier]
    objects = [answer.svg_usage]
    for image in images:
        if not (image.url if isinstance(image.b64_json, UnsetType) else _is_filled_text(image.b64_json)):
            return None
        texts += (image.url, image.revised_prompt)
        objects += (image.content_filter_results, image.prompt_filter_results)
    as_documented = (
        bool(images)
        and shortened.sound
        and shortened.all_taken
        and "" not in texts
        and all(isinstance(raw, UnsetType) or _is_object(raw) for raw in objects)
        and answer.background not in _ECHOES["background"]
        and answer.output_format not in _ECHOES["output_format"]
        and answer.quality not in _ECHOES["quality"]
    )
    return replace(answer, data=images) if as_documented else None


def _by_parts(shortened: Shortened, upstream_request_id: str | None) -> tuple[Answer, bool]:
    """What is usable of an answer, and whether that is all of it."""
    try:
        fields = msgspec.json.decode(shortened.text, type=dict[str, Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _unusable("The answer is not what the Images API sends.", upstream_request_id) from error
    entries = _read(fields.get("data"), list[dict[str, Raw]]) or ()
    images = tuple(image for entry in entries if (image := _image(shortened, entry)) is not None)
    if not images:
        raise _unusable("The answer carries no picture.", upstream_request_id)
    created, usage = _read(fields.get("created"), int), _read(fields.get("usage"), Usage)
    told = {name: _echo(shortened, fields, name) for name in _ECHOES}
    whole = (
        shortened.sound
        and len(images) == len(entries)
        and created is not None
        and ("usage" in fields) == (usage is not None)
        and all((name in fields) == (value is not UNSET) for name, value in told.items())
    )
    answer = Answer(
        created=int(time.time()) if created is None else created,
        data=images,
        **told,
        usage=UNSET if usage is None else usage,
        safety_identifier=_text(shortened, fields, "safety_identifier"),
        svg_usage=_object(fields, "svg_usage"),
    )
    return answer, whole


_ECHOES = {
    "background": ("auto",),
    "output_format": ("auto", "jpg"),
    "quality": ("auto", "standard", "hd"),
    "size": (),
}
"""What a call came to, and the words for it that strict clients fail on: these are left out."""


def _image(shortened: Shortened, entry: Mapping[str, Raw]) -> GeneratedImage | None:
    b64_json: Raw | UnsetType = shortened.original(entry["b64_json"]) if "b64_json" in entry else UNSET
    if isinstance(b64_json, UnsetType) or not _is_filled_text(b64_json):
        b64_json = UNSET
    elif not shortened.sound and _read(b64_json, str) is None:
        b64_json = UNSET  # bytes that are no text
    url = _text(shortened, entry, "url")
    if b64_json is UNSET and url is UNSET:
        return None
    return GeneratedImage(
        b64_json=b64_json,
        url=url,
        revised_prompt=_text(shortened, entry, "revised_prompt"),
        content_filter_results=_object(entry, "content_filter_results"),
        prompt_filter_results=_object(entry, "prompt_filter_results"),
    )


def _is_filled_text(raw: Raw) -> bool:
    view = memoryview(raw)
    return len(view) > 2 and view[0] == ord('"')


def _echo(shortened: Shortened, fields: Mapping[str, Raw], name: str) -> str | UnsetType:
    value = _text(shortened, fields, name)
    return UNSET if value in _ECHOES[name] else value


def _text(shortened: Shortened, fields: Mapping[str, Raw], name: str) -> str | UnsetType:
    return _read(shortened.original(fields[name]), str) or UNSET if name in fields else UNSET


def _object(fields: Mapping[str, Raw], name: str) -> Raw | UnsetType:
    raw: Raw | UnsetType = fields.get(name, UNSET)
    return raw if not isinstance(raw, UnsetType) and _is_object(raw) else UNSET


def _is_object(raw: Raw) -> bool:
    return isinstance(_read(raw, Any), dict)


def _read(raw: Raw | None, type_: Any) -> Any:  # noqa: ANN401  # one reader for whatever type
    if raw is None:
        return None
    try:
        return msgspec.json.decode(raw, type=type_)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _unusable(message: str, upstream_request_id: str | None) -> ImageError:
    return ImageError(
        ErrorCode.UPSTREAM_UNAVAILABLE, message, may_have_billed=True, upstream_request_id=upstream_request_id
    )
