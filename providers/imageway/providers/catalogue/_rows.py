"""Rows as they are written, and what becomes of them when each has taken over what it extends."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, TypeAlias

import yaml
from msgspec import Struct

__all__ = ("Key", "Layer", "MergedRow", "WrittenRow", "merged_rows", "written_rows")

Tree: TypeAlias = dict[str, Any]  # YAML's own shapes; the decoding into a ModelSpec gives them types

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Key: TypeAlias = tuple[int, str]
"""A row by its layer and its name: an overlay's row and the built-in one that it replaces are two."""


class WrittenRow(Struct, frozen=True, kw_only=True):
    """One row of a file. `place` is `file:line: name`, for messages."""

    place: str
    value: Tree


class MergedRow(Struct, frozen=True, kw_only=True):
    """One row with all that it extends, ready to be decoded; `bases` are the rows that went into it."""

    key: Key
    place: str
    value: Tree
    bases: frozenset[Key]


Layer: TypeAlias = Mapping[str, WrittenRow]


def written_rows(file: str, text: str, problems: list[str]) -> dict[str, WrittenRow]:
    """The rows of one YAML text by name, in order; what can't be read is told to *problems*, with *file* named."""
    loader = _LOADER(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return {}
        problems.extend(f"{file}:{line}: the key '{key}' stands here twice" for line, key in _twice(node))
        document = loader.construct_document(node)
    except yaml.YAMLError as error:
        problems.append(f"{file}: {' '.join(str(error).split())}")
        return {}
    finally:
        loader.dispose()
    if not isinstance(document, dict):
        problems.append(f"{file}: expected rows by name, such as 'openai/my-model: {{extends: gpt-image-2}}'")
        return {}
    lines = {key.value: key.start_mark.line + 1 for key, _ in node.value}
    rows: dict[str, WrittenRow] = {}
    for name, value in document.items():
        place = f"{file}:{lines.get(name, 1)}: {name}"
        kind, _, model = str(name).partition("/")
        if not kind or not model:
            problems.append(f"{place}: a row is named kind/model, such as 'openai/{model or kind}'")
        elif not isinstance(value, dict):
            problems.append(f"{place}: expected a mapping")
        else:
            problems.extend(
                f"{place}: {key}: unknown key; the name of the row says it" for key in ("kind", "model") if key in value
            )
            rows[name] = WrittenRow(place=place, value=value)
    return rows


def _twice(node: yaml.Node) -> Iterator[tuple[int, str]]:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                yield key.start_mark.line + 1, key.value
            seen.add(key.value)
            yield from _twice(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _twice(item)


def merged_rows(layers: Sequence[Layer], problems: list[str]) -> dict[str, MergedRow]:
    """The rows of all *layers* by name, later layers over earlier ones; without those whose base is at fault."""
    merger = _Merger(layers, problems)
    rows: dict[str, MergedRow] = {}
    for depth, layer in enumerate(layers):
        for name in layer:
            row = merger.merged((depth, name), ())
            if row is not None:
                rows[name] = row
    return {name: _decodable(row) for name, row in rows.items()}


class _Merger:
    """Follows `extends`, once per row."""

    def __init__(self, layers: Sequence[Layer], problems: list[str]) -> None:
        self._layers = layers
        self._problems = problems
        self._baseless: set[Key] = set()
        self._done: dict[Key, MergedRow] = {}

    def merged(self, key: Key, chain: tuple[Key, ...]) -> MergedRow | None:
        """The row *key*, reached through *chain*; None where its bases are at fault, which has been told then."""
        if key in self._done or key in self._baseless:
            return self._done.get(key)
        row = self._layers[key[0]][key[1]]
        value = {name: item for name, item in row.value.items() if name != "extends"}
        bases: frozenset[Key] = frozenset()
        if "extends" in row.value:
            base = self._base(key, row, (*chain, key))
            if base is None:
                self._baseless.add(key)
                return None
            inherited = dict(base.value)
            if base.key[1] != key[1]:
                inherited.pop("snapshots", None)  # a snapshot is of one model
            value = _merge(inherited, value)
            bases = base.bases | {base.key}
        self._done[key] = MergedRow(key=key, place=row.place, value=value, bases=bases)
        return self._done[key]

    def _base(self, key: Key, row: WrittenRow, chain: tuple[Key, ...]) -> MergedRow | None:
        wanted = row.value["extends"]
        base = self._find(key, wanted) if isinstance(wanted, str) else None
        if base is None:
            kind = key[1].partition("/")[0]
            full = wanted if isinstance(wanted, str) and "/" in wanted else f"{kind}/{wanted}"
            known = {name for layer in self._layers[: key[0] + 1] for name in layer if name != key[1]}
            close = get_close_matches(full, sorted(known), 1, cutoff=0.75)
            hint = f"; did you mean '{close[0]}'?" if close else ""
            self._problems.append(f"{row.place}: extends '{wanted}', which isn't there{hint}")
            return None
        if base in chain:
            names = [name for _, name in (*chain[chain.index(base) :], base)]
            self._problems.append(f"{row.place}: extends goes round in a circle: {' -> '.join(names)}")
            return None
        return self.merged(base, chain)

    def _find(self, key: Key, wanted: str) -> Key | None:
        """Where the base is: in the same layer, or the nearest below. A row never extends itself, only one below."""
        kind = key[1].partition("/")[0]
        for name in (wanted, f"{kind}/{wanted}"):
            for depth in range(key[0], -1, -1):
                if name in self._layers[depth] and ((depth, name) != key or key[0] == 0):
                    return depth, name
        return None


def _merge(base: Tree, over: Tree) -> Tree:
    """*over* laid on *base*: mappings join, all else replaces. Nulls stay, to take things away from what comes later.

    A mapping whose `type` differs from the base's is another thing and replaces it as a whole.
    """
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        if isinstance(value, dict) and isinstance(below, dict) and value.get("type", 0) in (0, below.get("type", 0)):
            merged[key] = _merge(below, value)
        else:
            merged[key] = value
    return merged


def _decodable(row: MergedRow) -> MergedRow:
    value = dict(row.value)
    shared = value.pop("params", None) or {}
    operations = value.get("operations")
    if isinstance(operations, dict) and isinstance(shared, dict):
        value["operations"] = {
            name: {**operation, "params": _merge(shared, operation.get("params") or {})}
            if isinstance(operation, dict) and isinstance(operation.get("params") or {}, dict)
            else operation
            for name, operation in operations.items()
        }
    kind, _, model = row.key[1].partition("/")
    stated = {"kind": kind, "model": model}
    return MergedRow(key=row.key, place=row.place, value={**_without_nulls(value), **stated}, bases=row.bases)


def _without_nulls(tree: Tree) -> Tree:
    return {
        key: _without_nulls(value) if isinstance(value, dict) else value
        for key, value in tree.items()
        if value is not None
    }
