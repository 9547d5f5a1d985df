"""A node's parameters filled from a record: templates rendered, and typed as the model's spec types them."""

import re
from collections.abc import Iterator, Mapping

from imageway.contract.request import JsonValue
from imageway.contract.spec import Flag, Group, Integer, Param
from imageway.sdk.pipeline.template import MissingFieldError, fields, only_field, render

__all__ = ("constant_params", "fields_of_params", "filled")

_DIGITS = re.compile(r"[+-]?\d+")
_FLAGS = {"true": True, "false": False}


def filled(
    params: Mapping[str, JsonValue], state: Mapping[str, JsonValue], known: Mapping[str, Param]
) -> dict[str, JsonValue]:
    """*params* for *state*. Text with a field in it becomes what *known* wants: digits an integer, true a flag.

    A value that is one field is that field's, of whatever type. Raises `MissingFieldError`.
    """
    return {name: _filled(value, state, known.get(name), name) for name, value in params.items()}


def fields_of_params(params: Mapping[str, JsonValue]) -> Iterator[tuple[str, str]]:
    """Each parameter with each field that it needs."""
    for name, value in params.items():
        for field in dict.fromkeys(_fields(value)):
            yield name, field


def constant_params(params: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Those of *params* that are the same for every record, as they are sent."""
    constant = {name: value for name, value in params.items() if not any(_fields(value))}
    return filled(constant, {}, {})


def _filled(value: JsonValue, state: Mapping[str, JsonValue], param: Param | None, name: str) -> JsonValue:
    match value:
        case str():
            return _text(value, state, param, name)
        case dict():
            within = param.fields if isinstance(param, Group) else {}
            return {key: _filled(item, state, within.get(key), name) for key, item in value.items()}
        case list():
            return [_filled(item, state, None, name) for item in value]
        case _:
            return value


def _text(template: str, state: Mapping[str, JsonValue], param: Param | None, name: str) -> JsonValue:
    if not fields(template):
        return render(template, {})
    field = only_field(template)
    try:
        value = state.get(field) if field is not None else None
        text = value if isinstance(value, str) else None if value is not None else render(template, state)
    except MissingFieldError as error:
        known, null = error.known, error.null
        raise MissingFieldError(error.field, known=known, null=null, needed_by=f"The parameter {name}") from error
    if text is None:
        return value
    bare = text.strip()
    if isinstance(param, Integer) and _DIGITS.fullmatch(bare):
        return int(bare)
    if isinstance(param, Flag) and bare.lower() in _FLAGS:
        return _FLAGS[bare.lower()]
    return text


def _fields(value: JsonValue) -> Iterator[str]:
    match value:
        case str():
            yield from fields(value)
        case dict():
            for item in value.values():
                yield from _fields(item)
        case list():
            for item in value:
                yield from _fields(item)
