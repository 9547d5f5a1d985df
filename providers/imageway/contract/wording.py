"""How faults are put into words: the vendor's own sentences where they are known (see the catalogue's sources)."""

from collections.abc import Sequence

from imageway.contract.request import JsonValue, Scalar

__all__ = ("characters", "plain", "quoted_list", "shortened", "type_word")

_LONGEST_VALUE = 64


def quoted_list(values: Sequence[object], last: str = "and") -> str:
    """`'a'`, `'a' and 'b'`, `'a', 'b', and 'c'`: as the vendor writes lists."""
    quoted = [f"'{plain(value)}'" for value in values]
    match quoted:
        case []:
            return "nothing"
        case [only]:
            return only
        case [first, second]:
            return f"{first} {last} {second}"
        case _:
            return f"{', '.join(quoted[:-1])}, {last} {quoted[-1]}"


def characters(min_chars: int, max_chars: int | None) -> str:
    """A text's limits in words."""
    return f"at least {min_chars} characters" if max_chars is None else f"{min_chars} to {max_chars} characters"


def plain(value: object) -> object:
    """*value* as JSON would spell it, texts without quotes."""
    return str(value).lower() if isinstance(value, bool) else value


def type_word(value: JsonValue) -> str:
    """The vendor's word for *value*'s JSON type."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int():
            return "an integer"
        case float():
            return "a decimal number"
        case str():
            return "a string"
        case list():
            return "an array"
        case _:
            return "an object"


def shortened(value: JsonValue) -> Scalar:
    """*value* fit to be repeated in an answer: long texts cut, lists and objects named by their type only."""
    match value:
        case str() if len(value) > _LONGEST_VALUE:
            return value[:_LONGEST_VALUE] + "…"
        case list() | dict():
            return type_word(value)
        case _:
            return value
