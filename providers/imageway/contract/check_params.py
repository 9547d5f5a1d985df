"""One parameter against its domain, and against the others that it depends on."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import assert_never

from imageway.contract.errors import Violation
from imageway.contract.request import JsonValue, Scalar
from imageway.contract.spec import (
    Choice,
    Condition,
    Flag,
    Group,
    Integer,
    OperationSpec,
    Param,
    Size,
    SizeGrid,
    Text,
    default_of,
)
from imageway.contract.wording import characters, plain, quoted_list, shortened, type_word

__all__ = ("condition_violations", "param_violations")

Params = Mapping[str, JsonValue]

_SIZE = re.compile(r"([1-9][0-9]{0,5})x([1-9][0-9]{0,5})")
_USER_ERROR = "image_generation_user_error"


def param_violations(params: Params, domains: Mapping[str, Param], prefix: str = "") -> Iterator[Violation]:
    """The parameters in *params* that leave their domain; names unknown to *domains* are somebody else's finding."""
    for name, value in params.items():
        domain = domains.get(name)
        if domain is not None:
            yield from _outside(f"{prefix}{name}", value, domain)


def condition_violations(
    params: Params, operation: OperationSpec, *, faulty: Collection[str] = ()
) -> Iterator[Violation]:
    """Parameters that are fine alone but not together; those in *faulty* aren't fine alone, so they are left out."""
    for name, value in params.items():
        domain = operation.params.get(name)
        if domain is None or value is None or name in faulty:
            continue
        for other, allowed in _conditions(domain, value).items():
            if other in faulty:
                continue
            actual = params.get(other)
            if actual is None:
                actual = default_of(operation.params, other)
            if actual not in allowed:
                yield _unmet(name, value, other, actual, allowed)
    for rule in operation.rules:
        yield from _RULES[rule]({name: value for name, value in params.items() if name not in faulty})


def _outside(name: str, value: JsonValue, domain: Param) -> Iterator[Violation]:
    if value is None and domain.nullable:
        return
    match domain:
        case Text():
            yield from _outside_text(name, value, domain)
        case Integer():
            yield from _outside_integer(name, value, domain)
        case Choice(values=values):
            if not isinstance(value, str):
                yield _wrong_type(name, value, f"one of {quoted_list(values, 'or')}", values)
            elif value not in values:
                yield _not_listed(name, value, values)
        case Flag():
            if not isinstance(value, bool):
                yield _wrong_type(name, value, "a boolean", [True, False])
        case Size():
            yield from _outside_sizes(name, value, domain)
        case Group(fields=fields):
            if not isinstance(value, dict):
                yield _wrong_type(name, value, "an object", sorted(fields))
                return
            for unknown in sorted(set(value) - set(fields)):
                yield Violation(
                    param=f"{name}.{unknown}",
                    message=f"Unknown parameter: '{name}.{unknown}'. Parameters here: {quoted_list(sorted(fields))}.",
                    code="unknown_parameter",
                    allowed=sorted(fields),
                )
            yield from param_violations(value, fields, f"{name}.")
        case _:
            assert_never(domain)


def _outside_text(name: str, value: JsonValue, domain: Text) -> Iterator[Violation]:
    if not isinstance(value, str):
        yield _wrong_type(name, value, "a string", "text")
    elif len(value) < domain.min_chars:
        yield Violation(
            param=name,
            message=f"Invalid '{name}': empty string. Expected a string with minimum length {domain.min_chars}.",
            code="empty_string",
            allowed=characters(domain.min_chars, domain.max_chars),
        )
    elif domain.max_chars is not None and len(value) > domain.max_chars:
        yield Violation(
            param=name,
            message=(
                f"Invalid '{name}': string too long. Expected a string with maximum length {domain.max_chars},"
                f" but got a string with length {len(value)} instead."
            ),
            code="string_above_max_length",
            allowed=characters(domain.min_chars, domain.max_chars),
        )


def _outside_integer(name: str, value: JsonValue, domain: Integer) -> Iterator[Violation]:
    if isinstance(value, bool) or not isinstance(value, int):
        yield _wrong_type(name, value, "an integer", f"{domain.min} to {domain.max}")
        return
    if domain.min <= value <= domain.max:
        return
    side, sign, limit, code = (
        ("below minimum", ">=", domain.min, "integer_below_min_value")
        if value < domain.min
        else ("above maximum", "<=", domain.max, "integer_above_max_value")
    )
    yield Violation(
        param=name,
        message=f"Invalid '{name}': integer {side} value. Expected a value {sign} {limit}, but got {value} instead.",
        code=code,
        value=value,
        allowed=f"{domain.min} to {domain.max}",
    )


def _outside_sizes(name: str, value: JsonValue, domain: Size) -> Iterator[Violation]:
    if not isinstance(value, str):
        yield _wrong_type(name, value, "a string", domain.values)
        return
    if value in domain.values:
        return
    if domain.grid is None:
        reason = f"Supported sizes are: {quoted_list(domain.values)}."
    else:
        reason = _off_grid(value, domain.grid)
        if not reason:
            return
    yield Violation(
        param=name,
        message=f"Invalid size '{shortened(value)}'. {reason}",
        code="invalid_value",
        type=_USER_ERROR,
        value=shortened(value),
        allowed=[*domain.values, *([_grid_in_words(domain.grid)] if domain.grid else [])],
    )


def _off_grid(size: str, grid: SizeGrid) -> str:
    match = _SIZE.fullmatch(size)
    if match is None:
        return "Expected WIDTHxHEIGHT, for example '1824x1024'."
    width, height = int(match[1]), int(match[2])
    if width % grid.multiple_of_px or height % grid.multiple_of_px:
        return f"Width and height must both be divisible by {grid.multiple_of_px}."
    if max(width, height) > grid.max_edge_px:
        return f"The longest edge must be less than or equal to {grid.max_edge_px}."
    if max(width, height) > grid.max_ratio * min(width, height):
        return f"The longer edge must not exceed {grid.max_ratio:g} times the shorter one."
    if width * height < grid.min_pixels:
        return f"Requested resolution is below the current minimum pixel budget of {grid.min_pixels} pixels."
    if width * height > grid.max_pixels:
        return f"Requested resolution is above the current maximum pixel budget of {grid.max_pixels} pixels."
    return ""


def _grid_in_words(grid: SizeGrid) -> str:
    return (
        f"WIDTHxHEIGHT in steps of {grid.multiple_of_px} px, edges up to {grid.max_edge_px} px,"
        f" at most {grid.max_ratio:g}:1, {grid.min_pixels} to {grid.max_pixels} pixels"
    )


def _conditions(domain: Param, value: JsonValue) -> Condition:
    match domain:
        case Integer(only_with=only_with, harmless=harmless):
            return {} if value in harmless else only_with
        case Choice(only_with=only_with, values_only_with=by_value):
            return {**only_with, **(by_value.get(value, {}) if isinstance(value, str) else {})}
        case Group(only_with=only_with):
            return only_with
        case _:
            return {}


def _unmet(name: str, value: JsonValue, other: str, actual: JsonValue, allowed: list[Scalar]) -> Violation:
    needs = f"{other} {quoted_list(allowed, 'or')}"
    if name == "output_compression" and actual == "png":
        message = f"Compression less than 100 is not supported for PNG output format; it needs {needs}."
        return Violation(
            param=name,
            message=message,
            code="invalid_png_output_compression",
            type=_USER_ERROR,
            value=shortened(value),
            allowed=f"100, or {needs}",
        )
    if name == "background" and isinstance(actual, str):
        message = f"Transparent background is not supported for {actual.upper()} output format; it needs {needs}."
    else:
        message = f"'{name}' is {_told(value)}, which needs {needs}; {other} is '{plain(actual)}'."
    return Violation(
        param=name, message=message, code="invalid_value", value=shortened(value), allowed=f"only with {needs}"
    )


def _told(value: JsonValue) -> object:
    return f"'{value}'" if isinstance(value, str) else plain(shortened(value))


def _svg_draws_one(params: Params) -> Iterator[Violation]:
    if params.get("output_format") != "svg":
        return
    alone: tuple[tuple[str, list[Scalar]], ...] = (
        ("n", [None, 1]),
        ("stream", [None, False]),
        ("partial_images", [None, 0]),
    )
    for name, allowed in alone:
        value = params.get(name)
        if value not in allowed:
            yield Violation(
                param=name,
                message=f"'{name}' is {_told(value)}; with output_format 'svg' it must be {plain(allowed[1])}.",
                code="invalid_value",
                value=shortened(value),
                allowed=[allowed[1]],
            )


_RULES: dict[str, Callable[[Params], Iterator[Violation]]] = {"svg_draws_one": _svg_draws_one}


def _wrong_type(name: str, value: JsonValue, expected: str, allowed: Sequence[Scalar] | str) -> Violation:
    return Violation(
        param=name,
        message=f"Invalid type for '{name}': expected {expected}, but got {type_word(value)} instead.",
        code="invalid_type",
        value=shortened(value),
        allowed=allowed,
    )


def _not_listed(name: str, value: str, values: list[str]) -> Violation:
    supported = f"Supported values are: {quoted_list(values)}." if len(values) > 1 else f"Value must be '{values[0]}'."
    return Violation(
        param=name,
        message=f"Invalid value: '{shortened(value)}'. {supported}",
        code="invalid_value",
        value=shortened(value),
        allowed=values,
    )
