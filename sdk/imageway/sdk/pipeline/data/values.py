"""Values of tables and datasets as JSON: what a record can hold, show and be kept as."""

import datetime as dt
import math
from collections.abc import Mapping
from decimal import Decimal

import pybase64

from imageway.contract.request import ImageFormat, JsonValue
from imageway.contract.sniff import sniff

__all__ = ("as_json", "data_url")

_PICTURE = frozenset(("bytes", "path"))


def as_json(value: object) -> JsonValue:
    """*value* as JSON: bytes as a data URL, pictures (`{bytes, path}`) as one or as their path, times as ISO text.

    Numbers that are none (NaN) are null: tables have no other word for what is missing.
    """
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else None
        case bytes() | bytearray() | memoryview():
            return data_url(bytes(value))
        case dict() if value.keys() == _PICTURE:
            return data_url(value["bytes"]) if value["bytes"] is not None else as_json(value["path"])
        case Mapping():
            return {str(name): as_json(item) for name, item in value.items()}
        case list() | tuple():
            return [as_json(item) for item in value]
        case dt.datetime() | dt.date() | dt.time():
            return value.isoformat()
        case Decimal():
            return str(value)
        case _:
            return str(value)


def data_url(content: bytes) -> str:
    """*content* as a data URL, its type by what it is."""
    format_ = sniff(content).format
    type_ = "application/octet-stream" if format_ is ImageFormat.UNKNOWN else format_.media_type
    return f"data:{type_};base64,{pybase64.b64encode(content).decode()}"
