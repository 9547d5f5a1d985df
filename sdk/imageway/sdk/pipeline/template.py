"""Prompt templates: `{field}` stands for a record's value, and nothing else has a meaning.

`{{` and `}}` are braces. So are all others that don't enclose a bare field name, so that JSON in a prompt needs no
doubling; a `}}` that closes two single braces, as in `{"a": {"b": 1}}`, stays two. A field name begins with a letter
or `_`, of any script, and goes on with letters, digits, `_` and `-`; of joined data it is `alias->column`.
"""

import json
import re
from collections.abc import Mapping
from functools import lru_cache

from msgspec import Struct

from imageway.contract.request import JsonValue

__all__ = ("MissingFieldError", "fields", "only_field", "renamed", "render")

_TOKEN = re.compile(r"\{\{|\{([^\W\d][\w-]*(?:->[^\W\d][\w-]*)?)\}|[{}]")


class MissingFieldError(Exception):
    """A template needs a field that the record doesn't have, or has as null. `known` names those that there are."""

    def __init__(self, field: str, *, known: tuple[str, ...], null: bool, needed_by: str = "The prompt") -> None:
        has = ", ".join(known) or "nothing"
        reason = "is null in this record" if null else f"this record doesn't have; it has {has}"
        super().__init__(f"{needed_by} needs {{{field}}}, which {reason}.")
        self.field = field
        self.known = known
        self.null = null


class _Field(Struct, frozen=True):
    name: str


def fields(template: str) -> tuple[str, ...]:
    """The names of the fields in *template*, each once, in their order."""
    return tuple(dict.fromkeys(part.name for part in _parsed(template) if isinstance(part, _Field)))


def only_field(template: str) -> str | None:
    """The field that *template* consists of, blanks around it aside; None where there is more to it."""
    match _parsed(template.strip()):
        case (_Field(name=name),):
            return name
        case _:
            return None


def render(template: str, state: Mapping[str, JsonValue]) -> str:
    """*template* with the values of *state* in it: texts as they are, all else as JSON.

    Values are never looked through for fields. Raises `MissingFieldError`; null counts as missing, since a prompt that
    says "null" is nobody's wish.
    """
    return "".join(part if isinstance(part, str) else _text(part.name, state) for part in _parsed(template))


def renamed(template: str, names: Mapping[str, str]) -> str:
    """*template* with fields called otherwise, those that *names* has."""

    def one(token: re.Match[str]) -> str:
        return f"{{{names.get(token[1], token[1])}}}" if token[1] is not None else token[0]

    return _TOKEN.sub(one, template)


def _text(field: str, state: Mapping[str, JsonValue]) -> str:
    value = state.get(field)
    if value is None:
        raise MissingFieldError(field, known=tuple(state), null=field in state)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@lru_cache(maxsize=1024)
def _parsed(template: str) -> tuple[str | _Field, ...]:
    parts: list[str | _Field] = []
    open_braces: list[str] = []
    at = 0
    while token := _TOKEN.search(template, at):
        parts.append(template[at : token.start()])
        at = token.end()
        match token.group():
            case "{{":
                parts.append("{")
                open_braces.append("{{")
            case "{":
                parts.append("{")
                open_braces.append("{")
            case "}":
                parts.append("}")
                opened = open_braces.pop() if open_braces else "{{"
                if opened == "{{" and template.startswith("}", at):
                    at += 1
            case _:
                parts.append(_Field(token.group(1)))
    parts.append(template[at:])
    return tuple(part for part in parts if part)
