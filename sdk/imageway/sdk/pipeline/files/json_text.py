"""JSON as outputs have it: UTF-8, and what JSON can't say as what it can."""

import json
import math

from imageway.contract.request import JsonValue

__all__ = ("json_bytes",)


def json_bytes(value: JsonValue, *, indent: int | None = None) -> bytes:
    """JSON in UTF-8. What JSON can't say becomes what it can: infinities null, halves of surrogate pairs escapes."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent, default=str)
    except ValueError:
        text = json.dumps(_finite(value), ensure_ascii=False, allow_nan=False, indent=indent, default=str)
    return text.encode(errors="backslashreplace")


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
