"""`transformations`: what records go through as they are read. SyGra's own are done here, record after record."""

import re
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from imageway.contract.request import JsonValue
from imageway.sdk.pipeline.data.kinds import Transformation
from imageway.sdk.pipeline.data.own_code import transformed
from imageway.sdk.pipeline.data.row import Found

__all__ = ("transformation_fault", "transforming")

_SYGRA = "sygra.processors.data_transform."
_RANGE = re.compile(r"\[\s*(-?\d*)\s*:\s*(-?\d*)\s*\]")
_PLACEHOLDER = re.compile(r"\$(\d+)")


class _Rename(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    mapping: dict[str, str]
    overwrite: bool = False


class _Add(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    mapping: dict[str, Any]


class _Count(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    from_start: int = 0
    from_end: int = 0


class _Skip(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    skip_type: Literal["range", "count"] = "range"
    range: str = ""
    count: _Count = _Count()


class _Ends(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    from_beginning: int = 0
    from_end: int = 0


class _Combine(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    combine: int = 1
    shift: int = 1
    skip: _Ends = _Ends()
    join_column: dict[str, str] = {}


class _Nothing(Struct, frozen=True, kw_only=True):
    """Pictures are read where they are needed, so there is nothing to do beforehand."""


_KNOWN: dict[str, type[_Rename | _Add | _Skip | _Combine | _Nothing]] = {
    "RenameFieldsTransform": _Rename,
    "AddNewFieldTransform": _Add,
    "SkipRecords": _Skip,
    "CombineRecords": _Combine,
    "CreateImageUrlTransform": _Nothing,
}


def transformation_fault(name: str, params: dict[str, Any]) -> str | None:
    """What speaks against *name* with *params*, in a sentence. A task's own code isn't loaded for it."""
    if not name.startswith("sygra."):
        return None if "." in name else f"{name} is no dotted path of a class or function, such as task.steps.Clean"
    type_ = _KNOWN.get(name.removeprefix(_SYGRA))
    if type_ is None:
        return f"{name} is not one of SyGra's that are done here: {', '.join(_KNOWN)}"
    try:
        found = msgspec.convert(params, type_)
    except msgspec.ValidationError as error:
        return f"its params don't fit: {error}"
    match found:
        case _Skip(range=text) if found.skip_type == "range" and (not text or _RANGE.sub("", text).strip(" ,")):
            return f"its range is {text!r}; it looks like [:10],[-10:]"
        case _Combine(shift=shift) if shift < 1:
            return "its shift is at least 1"
        case _:
            return None


def transforming(found: Iterator[Found], steps: tuple[Transformation, ...], folder: Path) -> Iterator[Found]:
    """*found* after all *steps*; broken records pass as they are. A task's own steps get all records in one list.

    Raises `SourceError` for own code that can't be loaded or fails.
    """
    for step in steps:
        type_ = _KNOWN.get(step.transform.removeprefix(_SYGRA))
        if type_ is None or not step.transform.startswith(_SYGRA):
            found = transformed(found, step, folder)
            continue
        params = msgspec.convert(step.params, type_)
        match params:
            case _Rename():
                found = _each(found, partial(_renamed, params=params))
            case _Add(mapping=mapping):
                found = _each(found, partial(_with, added=mapping))
            case _Skip():
                found = _skipped(found, _ranges(params))
            case _Combine():
                found = _combined(found, params)
            case _Nothing():
                pass
    return found


def _each(found: Iterator[Found], change: Callable[[dict[str, JsonValue]], dict[str, JsonValue]]) -> Iterator[Found]:
    for one in found:
        yield one if one.fault is not None else replace(one, fields=change(one.fields))


def _with(fields: dict[str, JsonValue], added: dict[str, JsonValue]) -> dict[str, JsonValue]:
    return {**fields, **added}


def _renamed(fields: dict[str, JsonValue], params: _Rename) -> dict[str, JsonValue]:
    fields = dict(fields)
    for old, new in params.mapping.items():
        if old in fields and (params.overwrite or new not in fields):
            fields[new] = fields.pop(old)
    return fields


def _ranges(params: _Skip) -> list[tuple[int, int | None]]:
    """What is skipped, as Python's slices have it; None is the end."""
    if params.skip_type == "range":
        found = _RANGE.findall(params.range)
        return [(int(first or 0), int(last) if last else None) for first, last in found]
    ends: list[tuple[int, int | None]] = [(0, params.count.from_start)]
    return ends + ([(-params.count.from_end, None)] if params.count.from_end else [])


def _skipped(found: Iterator[Found], ranges: list[tuple[int, int | None]]) -> Iterator[Found]:
    """Records leave a waiting line that is as long as the farthest look from the end."""
    behind = max((-bound for pair in ranges for bound in pair if bound is not None and bound < 0), default=0)
    waiting: deque[tuple[int, Found]] = deque()
    count = 0
    for count, one in enumerate(found, start=1):  # it is needed behind the loop
        waiting.append((count - 1, one))
        if len(waiting) > behind:
            index, first = waiting.popleft()
            # It is farther from the end than any range that is counted from there reaches.
            if not any(
                start >= 0 and start <= index and (end is None or end < 0 or index < end) for start, end in ranges
            ):
                yield first
    for index, one in waiting:
        if not any(index in range(count)[slice(start, end)] for start, end in ranges):
            yield one


def _combined(found: Iterator[Found], params: _Combine) -> Iterator[Found]:
    """A record of each `combine` that follow one another, then `shift` on; whole ones only."""
    ends: list[tuple[int, int | None]] = [(0, params.skip.from_beginning)]
    ends += [(-params.skip.from_end, None)] if params.skip.from_end else []
    if params.combine < 2:
        yield from found
        return
    window: deque[Found] = deque(maxlen=params.combine)
    index = 0
    for one in _skipped(found, ends):
        if one.fault is not None:
            yield one
            continue
        window.append(one)
        index += 1
        if index >= params.combine and (index - params.combine) % params.shift == 0:
            yield _joined(list(window), params)


def _joined(window: list[Found], params: _Combine) -> Found:
    fields: dict[str, JsonValue] = {}
    for column, rule in params.join_column.items():
        places = [int(place) for place in _PLACEHOLDER.findall(rule) if 0 < int(place) <= len(window)]
        lacking = next((window[place - 1] for place in places if column not in window[place - 1].fields), None)
        if lacking is not None:
            return Found(place=window[0].place, fault=f"{lacking.place} has no '{column}' to be combined")
        fields[column] = _PLACEHOLDER.sub(partial(_filled, window=window, column=column), rule)
    return Found(place=window[0].place, fields=fields)


def _filled(match: re.Match[str], window: list[Found], column: str) -> str:
    place = int(match[1])
    return str(window[place - 1].fields[column]) if 0 < place <= len(window) else match[0]
