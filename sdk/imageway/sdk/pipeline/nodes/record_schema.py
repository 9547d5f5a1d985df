"""`schema_config.fields`: what a finished record's fields must be."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import UNSET

from imageway.contract.request import JsonValue
from imageway.contract.wording import type_word
from imageway.sdk.pipeline.schema.task import SchemaField

__all__ = ("SchemaFieldError", "checker")

_TYPES: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (int, float),
    "str": (str,),
    "bool": (bool,),
    "list": (list,),
    "dict": (dict,),
    "any": (object,),
}
_ALIASES = {"integer": "int", "number": "float", "string": "str", "boolean": "bool", "array": "list", "object": "dict"}
_SPELLING = re.compile(r"\s*(\w+)\s*(?:\[(.*)\])?\s*", re.DOTALL)

_Fits = Callable[[JsonValue], bool]


class SchemaFieldError(Exception):
    """A type that can't be understood, of the field at `index`."""

    def __init__(self, index: int, type_: str) -> None:
        allowed = ", ".join(_TYPES)
        super().__init__(f"there is no type {type_}; allowed are {allowed}, and list[int] and the like")
        self.index = index


def checker(fields: Sequence[SchemaField]) -> Callable[[Mapping[str, JsonValue]], None]:
    """What raises `ValueError`, every fault of a state in its sentence. Raises `SchemaFieldError`."""
    fits = [_fits(field.type, index) for index, field in enumerate(fields)]

    def check(state: Mapping[str, JsonValue]) -> None:
        pairs = zip(fields, fits, strict=True)
        faults = [fault for field, fit in pairs if (fault := _fault(field, fit, state))]
        if faults:
            raise ValueError("; ".join(faults))

    return check


def _fault(field: SchemaField, fits: _Fits, state: Mapping[str, JsonValue]) -> str:
    if field.name not in state:
        return f"{field.name} is missing"
    value: Any = state[field.name]
    if not fits(value):
        return f"{field.name} is {type_word(value)}, and must be {field.type}"
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if field.is_greater_than is not None and not (number and value > field.is_greater_than):
        return f"{field.name} must be greater than {field.is_greater_than:g}"
    if field.is_less_than is not None and not (number and value < field.is_less_than):
        return f"{field.name} must be less than {field.is_less_than:g}"
    if field.is_equal_to is not UNSET and value != field.is_equal_to:
        return f"{field.name} must be equal to {field.is_equal_to}"
    return ""


def _fits(type_: str, index: int) -> _Fits:
    found = _SPELLING.fullmatch(type_)
    name = found[1].lower() if found else ""
    name = _ALIASES.get(name, name)
    inner = found[2] if found else None
    if name not in _TYPES or (inner is not None and name not in ("list", "dict")):
        raise SchemaFieldError(index, type_)
    kinds = _TYPES[name]
    within = None if inner is None else _fits(inner.rpartition(",")[2] if name == "dict" else inner, index)

    def fits(value: JsonValue) -> bool:
        if not isinstance(value, kinds) or (isinstance(value, bool) and name in ("int", "float")):
            return False
        if within is None:
            return True
        return all(within(item) for item in (value.values() if isinstance(value, dict) else value))  # type: ignore[union-attr]  # a list or a mapping, as kinds says

    return fits
