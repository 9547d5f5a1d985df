"""Why a tree of YAML values is no ModelSpec: each unknown key, missing key and bad value, with the way to it.

msgspec alone stops at the first fault, doesn't say in which entry of a mapping it is, and takes no offence at unknown
keys, which the specs need when they travel between versions.
"""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from functools import cache
from typing import get_type_hints

import msgspec
from msgspec import inspect

from imageway.contract.spec import ModelSpec

__all__ = ("faults",)

_FROM_THE_NAME = ("kind", "model")
"""What a row's name says; nobody writes it inside."""


def faults(tree: object) -> Iterator[str]:
    """What keeps *tree* from being a strict `ModelSpec`, in the order of its keys."""
    return _faults(tree, _model_type(), ModelSpec, "")


@cache
def _model_type() -> inspect.Type:
    return inspect.type_info(ModelSpec)


@cache
def _hints(struct: type) -> dict[str, object]:
    return get_type_hints(struct)


def _faults(value: object, type_: inspect.Type, hint: object, path: str) -> Iterator[str]:
    match type_:
        case inspect.StructType():
            yield from _struct_faults(value, type_, path)
        case inspect.UnionType() if any(isinstance(member, inspect.StructType) for member in type_.types):
            yield from _union_faults(value, type_, path)
        case inspect.DictType(key_type=key_type, value_type=inspect.StructType() | inspect.UnionType() as value_type):
            if not isinstance(value, dict):
                yield f"{path}: expected a mapping"
                return
            for key, item in value.items():
                if isinstance(key_type, inspect.EnumType) and key not in {str(member) for member in key_type.cls}:
                    yield _unknown(_join(path, key), key, [str(member) for member in key_type.cls])
                else:
                    yield from _faults(item, value_type, None, _join(path, key))
        case _:
            try:
                msgspec.convert(value, hint)
            except msgspec.ValidationError as error:
                yield f"{path}: {str(error).partition(' - at ')[0].replace('`', '')}"


def _struct_faults(value: object, type_: inspect.StructType, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path}: expected a mapping"
        return
    fields = {field.encode_name: field for field in type_.fields}
    hints = _hints(type_.cls)
    for key, item in value.items():
        if key in fields:
            yield from _faults(item, fields[key].type, hints[fields[key].name], _join(path, key))
        elif key != type_.tag_field:
            yield _unknown(_join(path, key), key, [name for name in fields if path or name not in _FROM_THE_NAME])
    for name, field in fields.items():
        if field.required and name not in value:
            yield f"{_join(path, name)}: missing"


def _union_faults(value: object, type_: inspect.UnionType, path: str) -> Iterator[str]:
    members = [member for member in type_.types if isinstance(member, inspect.StructType)]
    if len(members) == 1:
        yield from _struct_faults(value, members[0], path)
        return
    tags = {str(member.tag): member for member in members}
    tag = value.get(members[0].tag_field) if isinstance(value, dict) else None
    if tag in tags:
        yield from _struct_faults(value, tags[tag], path)
    else:
        yield f"{_join(path, 'type')}: expected one of {', '.join(tags)}"


def _unknown(path: str, key: object, known: Iterable[str]) -> str:
    close = get_close_matches(str(key), list(known), 1)
    hint = f"did you mean '{close[0]}'?" if close else f"known here: {', '.join(known)}"
    return f"{path}: unknown key; {hint}"


def _join(path: str, key: object) -> str:
    return f"{path}.{key}" if path else str(key)
