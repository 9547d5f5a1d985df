"""The configuration file as a JSON schema, for editors and for charts: made of the types that read the file."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec
from msgspec import Struct

from imageway.gateway.settings.file import File
from imageway.gateway.settings.loading import provider_keys
from imageway.providers.discovery import PluginError, known_types, load_plugin

__all__ = ("json_schema",)

_ID = "urn:imageway:gateway:configuration"
_DECIMAL = {"type": "string", "format": "decimal"}
_WRITTEN_DECIMAL = {"type": ["number", "string"], "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}
_UNSAFE_IN_NAMES = str.maketrans("-. ", "___")


def json_schema() -> Mapping[str, object]:
    """The schema of draft 2020-12. Providers are told apart by `type`; there are those that are installed.

    A type whose library is missing is in it all the same; one that can't be loaded at all is left out. The names under
    `$defs` are stable: the file's sections by their types, and `provider_TYPE` for each type of provider.
    """
    providers = _providers()
    [file], defs = msgspec.json.schema_components([File], ref_template="#/$defs/{name}")
    for type_, struct in providers.items():
        defs |= _components(f"provider_{type_.translate(_UNSAFE_IN_NAMES)}", struct)
    whole = cast("dict[str, Any]", defs["File"])
    whole["title"] = "imageway-gateway configuration"
    whole["properties"]["providers"]["items"] = _by_type([*providers])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": _ID,
        **file,
        "$defs": {name: _readable(schema) for name, schema in sorted(defs.items())},
    }


def _providers() -> Mapping[str, type[Struct]]:
    found: dict[str, type[Struct]] = {}
    for type_ in sorted(known_types()):
        try:
            found[type_] = provider_keys(type_, load_plugin(type_))
        except PluginError:
            continue
    return found


def _components(name: str, struct: type[Struct]) -> Mapping[str, object]:
    """The definitions of *struct*, all of them below *name*: two plugins may have the same names for their own."""
    _, components = msgspec.json.schema_components([struct], ref_template=f"#/$defs/{name}_{{name}}")
    own = struct.__name__
    return {name if key == own else f"{name}_{key}": schema for key, schema in components.items()}


def _by_type(types: Sequence[str]) -> Mapping[str, object]:
    """One branch for each type, so that an editor tells what is wrong in that one and not that none fits."""
    return {
        "type": "object",
        "required": ["name", "type"],
        "properties": {"type": {"enum": [*types]}},
        "allOf": [
            {
                "if": {"properties": {"type": {"const": type_}}, "required": ["type"]},
                "then": {"$ref": f"#/$defs/provider_{type_.translate(_UNSAFE_IN_NAMES)}"},
            }
            for type_ in types
        ],
    }


def _readable(schema: object) -> object:
    """*schema* as people write YAML: numbers stand for decimals; and docstrings without their indentation."""
    match schema:
        case dict() if schema == _DECIMAL:
            return dict(_WRITTEN_DECIMAL)
        case dict():
            return {
                key: inspect.cleandoc(value) if key == "description" and isinstance(value, str) else _readable(value)
                for key, value in schema.items()
            }
        case list() | tuple():
            return [_readable(item) for item in schema]
        case _:
            return schema
