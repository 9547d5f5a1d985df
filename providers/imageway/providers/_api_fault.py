"""Error bodies of OpenAI, Azure, servers like them and proxies before them, read into one shape.

{"error": {message, type, param, code, moderation_details?, content_filter_results?}}      OpenAI, most others
{"created": ..., "error": {code, message, inner_error | innererror: {code, content_filter_result(s)}}}      Azure
{"type": "error", "error": {...}}, {"type": "error", message, code}                        events in a stream
{"error": "text"}, {"message": "text", ...}, {"detail": "text" | [{loc, msg}] | {...}}, [{...}]      compatible servers
"""

from collections.abc import Mapping

import msgspec
from msgspec import Struct

from imageway.contract.request import JsonValue

__all__ = ("Fault", "read_fault", "read_fault_text")

_LONGEST_MESSAGE = 2000
_LONGEST_WORD = 100
_MOST_ENTRIES = 32
_INNER = ("inner_error", "innererror")
_FILTER_RESULTS = ("content_filter_results", "content_filter_result")
_VERDICT = frozenset(("filtered", "detected", "severity", "details", "id"))
"""What is known to stand in a filter's verdict. Anything else could quote the prompt, and is left out."""


class Fault(Struct, frozen=True, kw_only=True):
    """What a body tells; None where it doesn't. `details` name filters and their verdicts, never prompt text."""

    message: str | None = None
    type: str | None = None
    param: str | None = None
    code: str | None = None
    inner_code: str | None = None
    details: dict[str, JsonValue] | None = None


def read_fault_text(body: bytes | str) -> Fault:
    """The fault in a JSON text. What is no JSON, such as a proxy's page, tells nothing."""
    try:
        return read_fault(msgspec.json.decode(body))
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return Fault()


def read_fault(body: object) -> Fault:
    """The fault in decoded JSON."""
    if isinstance(body, list) and body:
        body = body[0]
    if isinstance(body, str):
        return Fault(message=_message(body))
    if not isinstance(body, dict):
        return Fault()
    envelope = body["detail"] if isinstance(body.get("detail"), dict) else body
    error = envelope.get("error")
    fields = error if isinstance(error, dict) else envelope
    inner: dict[str, object] = next((fields[name] for name in _INNER if isinstance(fields.get(name), dict)), {})
    type_ = _word(fields.get("type"))
    return Fault(
        message=_message(fields.get("message")) or _message(error) or _detail(envelope.get("detail")),
        type=None if type_ == "error" else type_,
        param=_word(fields.get("param")) or _place(envelope.get("detail")),
        code=_word(fields.get("code")),
        inner_code=_word(inner.get("code")),
        details=_details({**envelope, **fields}) or None,
    )


def _message(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    text = " ".join(value.split())
    return (text if len(text) <= _LONGEST_MESSAGE else text[:_LONGEST_MESSAGE] + "…") or None


def _word(value: object) -> str | None:
    """Text, or a number as text; servers write codes as either."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return value if isinstance(value, str) and 0 < len(value) <= _LONGEST_WORD and value.isprintable() else None


def _detail(detail: object) -> str | None:
    """A validator's list as one sentence; the values that it quotes are left out."""
    if not isinstance(detail, list):
        return _message(detail)
    texts = []
    for entry in detail[:_MOST_ENTRIES]:
        text = _message(entry.get("msg")) if isinstance(entry, dict) else None
        if text is not None:
            place = _place([entry])
            texts.append(f"{place}: {text}" if place else text)
    return _message("; ".join(texts))


def _place(detail: object) -> str | None:
    first = detail[0] if isinstance(detail, list) and detail else None
    steps = first.get("loc") if isinstance(first, dict) else None
    if not isinstance(steps, list):
        return None
    names = [str(step) for step in steps if isinstance(step, str | int)]
    return _word(".".join(names[1:] if names[:1] == ["body"] else names))


def _details(fields: Mapping[str, object]) -> dict[str, JsonValue]:
    details = _filter_results(fields)
    moderation = fields.get("moderation_details")
    if isinstance(moderation, dict):
        kept: dict[str, JsonValue] = {}
        if (stage := _word(moderation.get("moderation_stage"))) is not None:
            kept["moderation_stage"] = stage
        if isinstance(categories := moderation.get("categories"), list):
            words = (_word(category) for category in categories[:_MOST_ENTRIES])
            kept["categories"] = [word for word in words if word is not None]
        details["moderation_details"] = kept
    for name in _INNER:
        inner = fields.get(name)
        if isinstance(inner, dict):
            code = _word(inner.get("code"))
            details[name] = {**({} if code is None else {"code": code}), **_filter_results(inner)}
    return {name: value for name, value in details.items() if value}


def _filter_results(fields: Mapping[str, object]) -> dict[str, JsonValue]:
    kept: dict[str, JsonValue] = {}
    for name in _FILTER_RESULTS:
        results = fields.get(name)
        if isinstance(results, dict):
            kept[name] = {
                category: _verdict(verdict)
                for category, verdict in list(results.items())[:_MOST_ENTRIES]
                if _word(category) is not None and isinstance(verdict, dict)
            }
    return kept


def _verdict(verdict: Mapping[str, object]) -> dict[str, JsonValue]:
    kept: dict[str, JsonValue] = {}
    for name in verdict.keys() & _VERDICT:
        value = verdict[name]
        if isinstance(value, bool):
            kept[name] = value
        elif isinstance(value, list):
            kept[name] = [_verdict(entry) for entry in value[:_MOST_ENTRIES] if isinstance(entry, dict)]
        elif name != "details" and (word := _word(value)) is not None:
            kept[name] = word
    return kept
