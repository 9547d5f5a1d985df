"""A document against a type: every fault at once, each where it stands, and the object where there are none."""

import datetime as dt
import difflib
import re
import uuid
from collections.abc import Callable, Collection, Iterable, Sequence
from decimal import Decimal
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from imageway.contract.document import Document, YamlPath, in_words, issue_at, spelled
from imageway.contract.issue import Issue
from imageway.contract.request import JsonValue
from imageway.contract.wording import shortened

__all__ = ("closest", "decode", "did_you_mean")

T = TypeVar("T")

_MANY = 20

_WRITTEN_AS_TEXT: dict[type[inspect.Type], tuple[type, str]] = {
    inspect.DateType: (dt.date, "a date such as 2026-11-23"),
    inspect.DateTimeType: (dt.datetime, "a date and time such as 2026-11-23T10:00:00Z"),
    inspect.TimeType: (dt.time, "a time such as 10:00:00"),
    inspect.DecimalType: (Decimal, "a number"),
    inspect.UUIDType: (uuid.UUID, "a UUID"),
}


def decode(
    document: Document, type_: type[T], at: YamlPath = (), *, told: Collection[YamlPath] = ()
) -> tuple[T | None, list[Issue]]:
    """What stands at *at* in *document* as a *type_*, or every reason why it isn't one.

    What lies at the paths in *told*, whole keys or values, is passed over: the caller has complained about it already.
    There is no object then, as there is none with issues. Unknown keys are faults where the Struct forbids them.
    """
    walk = _Walk(document, frozenset(told))
    walk.check(inspect.type_info(type_), document.get(at), at)
    if walk.issues or told:
        return None, walk.issues
    try:
        return msgspec.convert(document.get(at), type_), []
    except msgspec.ValidationError as error:
        return None, [_last_word(document, at, error)]


def closest(name: str, names: Iterable[str]) -> str | None:
    """The one of *names* that *name* was probably meant to be."""
    by_folded = {_folded(known): known for known in reversed(list(names))}
    found = difflib.get_close_matches(_folded(name), by_folded, n=1, cutoff=0.65)
    return by_folded[found[0]] if found else None


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """The question with the closest of *names*, empty where none is close."""
    found = closest(name, names)
    return f'did you mean "{found}"?' if found else ""


class _Walk:
    """Goes through a type and a value side by side."""

    def __init__(self, document: Document, told: Collection[YamlPath]) -> None:
        self.issues: list[Issue] = []
        self._document = document
        self._told = told

    def check(self, type_: inspect.Type, value: JsonValue, path: YamlPath) -> None:
        if path in self._told:
            return
        match type_:
            case inspect.Metadata():
                self.check(type_.type, value, path)
            case inspect.UnionType():
                self._union(type_, value, path)
            case inspect.StructType():
                self._struct(type_, value, path)
            case inspect.DictType():
                self._dict(type_, value, path)
            case inspect.TupleType() | inspect.CollectionType():
                self._list(type_, value, path)
            case inspect.LiteralType() | inspect.EnumType():
                self._choice(_values(type_), value, path)
            case _:
                self._scalar(type_, value, path)

    def _union(self, union: inspect.UnionType, value: JsonValue, path: YamlPath) -> None:
        types = [_bare(type_) for type_ in union.types]
        fitting = [type_ for type_ in types if _fits(type_, value)]
        tagged = [type_ for type_ in fitting if isinstance(type_, inspect.StructType)]
        if len(tagged) > 1 and isinstance(value, dict):
            self._tagged(tagged, value, path)
        elif fitting:
            # msgspec allows one type of each kind in a union, and a choice beside text forbids nothing.
            choices = [type_ for type_ in fitting if isinstance(type_, inspect.LiteralType | inspect.EnumType)]
            free = [type_ for type_ in fitting if type_ not in choices]
            if free:
                self.check(free[0], value, path)
            else:
                self._choice([choice for type_ in choices for choice in _values(type_)], value, path)
        else:
            self._wrong_type(path, value, _either(dict.fromkeys(word for type_ in types for word in _words(type_))))

    def _tagged(self, types: Sequence[inspect.StructType], value: dict[str, JsonValue], path: YamlPath) -> None:
        key = types[0].tag_field or "type"
        by_tag = {type_.tag: type_ for type_ in types}
        if key not in value:
            self._missing(path, key, f"one of {_listed(by_tag)}")
        elif isinstance(value[key], str | int) and value[key] in by_tag:
            self._struct(by_tag[value[key]], value, path)  # type: ignore[index]  # mypy doesn't narrow value[key]
        else:
            self._choice(list(by_tag), value[key], (*path, key))

    def _struct(self, struct: inspect.StructType, value: JsonValue, path: YamlPath) -> None:
        if not isinstance(value, dict):
            self._wrong_type(path, value, "a mapping")
            return
        fields = {field.encode_name: field for field in struct.fields}
        names = [*([struct.tag_field] if struct.tag_field else []), *fields]
        missing = [name for name, field in fields.items() if field.required and name not in value]
        for key, item in value.items():
            if key in fields:
                self.check(fields[key].type, item, (*path, key))
            elif key == struct.tag_field:
                self._choice([struct.tag], item, (*path, key))
            elif struct.forbid_unknown_fields:
                self._unknown(path, key, [name for name in names if name not in value], names)
        for name in missing:
            self._missing(path, name, _either(_words(fields[name].type)))

    def _dict(self, type_: inspect.DictType, value: JsonValue, path: YamlPath) -> None:
        if not isinstance(value, dict):
            self._wrong_type(path, value, "a mapping")
            return
        self._length(type_, len(value), "entries", path)
        key_type = _bare(type_.key_type)
        for key, item in value.items():
            if isinstance(key_type, inspect.LiteralType | inspect.EnumType) and key not in _values(key_type):
                allowed = [str(name) for name in _values(key_type)]
                self._unknown(path, key, allowed, allowed)
            else:
                self.check(type_.value_type, item, (*path, key))

    def _list(self, type_: inspect.TupleType | inspect.CollectionType, value: JsonValue, path: YamlPath) -> None:
        if not isinstance(value, list):
            self._wrong_type(path, value, "a list")
            return
        if isinstance(type_, inspect.TupleType):
            if len(value) != len(type_.item_types):
                self._fault(path, "wrong-length", f"has {len(value)} items; expected {len(type_.item_types)}")
            items = list(zip(type_.item_types, value, strict=False))
        else:
            self._length(type_, len(value), "items", path)
            items = [(type_.item_type, item) for item in value]
        for index, (item_type, item) in enumerate(items):
            self.check(item_type, item, (*path, index))

    def _choice(self, values: Sequence[Any], value: JsonValue, path: YamlPath) -> None:
        if any(type(value) is type(choice) and value == choice for choice in values) or path in self._told:
            return
        hint = did_you_mean(value, [str(choice) for choice in values]) if isinstance(value, str) else ""
        shown = in_words(value) if isinstance(value, list | dict) else _quoted([shortened(value)])[0]
        self._fault(path, "unknown-value", f"is {shown}; allowed is {_either(_quoted(values))}", hint=hint)

    def _scalar(self, type_: inspect.Type, value: JsonValue, path: YamlPath) -> None:
        if not _fits(type_, value):
            self._wrong_type(path, value, _either(_words(type_)))
            return
        match type_:
            case inspect.IntType() | inspect.FloatType() if isinstance(value, int | float):
                reason = _out_of_range(type_, value)
                if reason:
                    self._fault(path, "out-of-range", f"is {value}; allowed is a number {reason}")
            case inspect.StrType() if isinstance(value, str):
                self._length(type_, len(value), "characters", path)
                if type_.pattern is not None and not re.search(type_.pattern, value):
                    self._fault(path, "wrong-value", f'is "{shortened(value)}"; it must match {type_.pattern}')
            case _ if type(type_) in _WRITTEN_AS_TEXT:
                python_type, words = _WRITTEN_AS_TEXT[type(type_)]
                try:
                    msgspec.convert(value, python_type)
                except msgspec.ValidationError:
                    self._fault(path, "wrong-value", f'is "{shortened(value)}"; expected {words}')

    def _length(
        self, type_: inspect.StrType | inspect.CollectionType | inspect.DictType, length: int, unit: str, path: YamlPath
    ) -> None:
        least, most = type_.min_length or 0, type_.max_length
        if length < least or (most is not None and length > most):
            allowed = f"at least {least}" if most is None else f"{least} to {most}"
            self._fault(path, "wrong-length", f"has {length} {unit}; allowed is {allowed}")

    def _wrong_type(self, path: YamlPath, value: JsonValue, expected: str) -> None:
        self._fault(path, "wrong-type", f"is {in_words(value)}; expected {expected}")

    def _missing(self, path: YamlPath, name: str, expected: str) -> None:
        if (*path, name) not in self._told:
            message = f'{spelled(path)} lacks the key "{name}", which must be {expected}'
            self.issues.append(issue_at(self._document, path, "missing-key", message, of_key=True))

    def _unknown(self, path: YamlPath, key: str, free: Sequence[str], names: Sequence[str]) -> None:
        where = (*path, key)
        if where in self._told:
            return
        allowed = f"allowed are {', '.join(free)}" if free else "nothing more is allowed"
        message = f"{spelled(where)} is not a key here; {allowed}"
        # A key that looks like one that stands there already wasn't meant to be a third one.
        meant = closest(key, names)
        hint = did_you_mean(key, names) if meant in free else ""
        self.issues.append(issue_at(self._document, where, "unknown-key", message, of_key=True, hint=hint))

    def _fault(self, path: YamlPath, code: str, rest: str, *, hint: str = "") -> None:
        self.issues.append(issue_at(self._document, path, code, f"{spelled(path)} {rest}", hint=hint))


def _bare(type_: inspect.Type) -> inspect.Type:
    return _bare(type_.type) if isinstance(type_, inspect.Metadata) else type_


def _values(type_: inspect.LiteralType | inspect.EnumType) -> list[Any]:
    if isinstance(type_, inspect.EnumType):
        return [member.value for member in type_.cls]
    return list(type_.values)


def _fits(type_: inspect.Type, value: JsonValue) -> bool:
    """Whether *value* is of the kind that *type_* is written as."""
    match type_:
        case inspect.NoneType():
            return value is None
        case inspect.BoolType():
            return isinstance(value, bool)
        case inspect.IntType():
            return isinstance(value, int) and not isinstance(value, bool)
        case inspect.FloatType() | inspect.DecimalType():
            number = isinstance(value, int | float) and not isinstance(value, bool)
            return number or (isinstance(type_, inspect.DecimalType) and isinstance(value, str))
        case inspect.StructType() | inspect.DictType():
            return isinstance(value, dict)
        case inspect.TupleType() | inspect.CollectionType():
            return isinstance(value, list)
        case inspect.LiteralType() | inspect.EnumType():
            return any(type(value) is type(choice) for choice in _values(type_))
        case inspect.StrType():
            return isinstance(value, str)
        case _ if type(type_) in _WRITTEN_AS_TEXT:
            return isinstance(value, str)
        case _:
            return True


def _words(type_: inspect.Type) -> list[str]:
    """What *type_* takes, in the words of YAML."""
    match _bare(type_):
        case inspect.NoneType():
            return ["empty"]
        case inspect.BoolType():
            return ["true or false"]
        case inspect.IntType():
            return ["a whole number"]
        case inspect.FloatType():
            return ["a number"]
        case inspect.StructType() | inspect.DictType():
            return ["a mapping"]
        case inspect.TupleType() | inspect.CollectionType():
            return ["a list"]
        case inspect.LiteralType() | inspect.EnumType() as choice:
            return _quoted(_values(choice))
        case inspect.StrType():
            return ["text"]
        case inspect.UnionType(types=types):
            return list(dict.fromkeys(word for inner in types for word in _words(inner)))
        case bare:
            return [_WRITTEN_AS_TEXT[type(bare)][1] if type(bare) in _WRITTEN_AS_TEXT else "a value"]


def _out_of_range(type_: inspect.IntType | inspect.FloatType, value: float) -> str:
    limits: list[tuple[float | None, str, Callable[[float], bool]]] = [
        (type_.ge, "from {}", lambda limit: value >= limit),
        (type_.gt, "above {}", lambda limit: value > limit),
        (type_.le, "up to {}", lambda limit: value <= limit),
        (type_.lt, "below {}", lambda limit: value < limit),
        (type_.multiple_of, "in steps of {}", lambda limit: value % limit == 0),
    ]
    set_limits = [(limit, words, holds) for limit, words, holds in limits if limit is not None]
    if all(holds(limit) for limit, _, holds in set_limits):
        return ""
    return " ".join(words.format(limit) for limit, words, _ in set_limits)


def _quoted(values: Iterable[Any]) -> list[str]:
    return ["empty" if value is None else msgspec.json.encode(value).decode() for value in values]


def _listed(values: Iterable[Any]) -> str:
    return ", ".join(_quoted(values))


def _either(words: Iterable[str]) -> str:
    shown = list(words)
    if len(shown) > _MANY:
        shown = [*shown[:_MANY], f"{len(shown) - _MANY} more"]
    return f"{', '.join(shown[:-1])} or {shown[-1]}" if len(shown) > 1 else shown[0]


def _folded(name: str) -> str:
    return name.lower().replace("_", "-")


def _last_word(document: Document, at: YamlPath, error: msgspec.ValidationError) -> Issue:
    """A fault that the type itself finds when it is built; keys of mappings are missing from msgspec's path."""
    message, _, where = str(error).partition(" - at `$")
    path = at
    for name, index in re.findall(r"\.(\w+)|\[(\d+|\.\.\.)\]", where):
        if index == "...":
            break
        path = (*path, name or int(index))
    return issue_at(document, path, "wrong-value", f"{spelled(path)}: {message}")
