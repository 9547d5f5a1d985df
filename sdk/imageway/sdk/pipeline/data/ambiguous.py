"""Objects of JSON in which a key stands twice: nobody knows which value is meant, so their record isn't run."""

from imageway.contract.request import JsonValue

__all__ = ("decoded_object", "key_twice")


class _Ambiguous(dict[str, JsonValue]):
    """An object in which `key` stands twice."""

    key = ""


def decoded_object(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    """An `object_pairs_hook` that lets `key_twice` find keys that stand twice in an object."""
    fields = dict(pairs)
    if len(fields) == len(pairs):
        return fields
    names = [name for name, _ in pairs]
    odd = _Ambiguous(fields)
    odd.key = next(name for name in names if names.count(name) > 1)
    return odd


def key_twice(value: JsonValue) -> str | None:
    """What is wrong with *value* where a key stands twice in an object of it."""
    waiting = [value]
    while waiting:
        match waiting.pop():
            case _Ambiguous(key=key):
                return f"the key '{key}' stands twice in an object"
            case dict() as fields:
                waiting += [item for item in fields.values() if isinstance(item, dict | list)]
            case list() as items:
                waiting += [item for item in items if isinstance(item, dict | list)]
    return None
