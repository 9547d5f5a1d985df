"""JSON as outputs have it: UTF-8, and what JSON can't say as what it can."""

import json
import math

import msgspec

from imageway.contract.request import JsonValue

__all__ = ("json_bytes",)

_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=str)


def json_bytes(value: JsonValue, *, indent: int | None = None) -> bytes:
    """JSON in UTF-8. What JSON can't say becomes what it can: infinities null, halves of surrogate pairs escapes."""
    try:
        text = _ENCODER.encode(value)
    except ValueError:
        text = _ENCODER.encode(_finite(value))
    line = text.encode(errors="backslashreplace")
    if indent is None:
        return line
    try:
        return msgspec.json.format(line, indent=indent)  # ten times as fast as Python's
    except msgspec.DecodeError:  # it knows no halves of surrogate pairs
        spread = json.dumps(json.loads(line), ensure_ascii=False, indent=indent)
        return spread.encode(errors="backslashreplace")


def _finite(value: JsonValue) -> JsonValue:
    match value:
        case float() if not math.isfinite(value):
            return None
        case list():
            return [_finite(item) for item in value]
        case dict():
            return {name: _finite(item) for name, item in value.items()}
        case _:
            return value
