"""Writes imageway/values.schema.json: the chart's own values, and under `config` what `imageway-gateway schema` prints.

Run by `make chart-schema`, after a change of either. Draft 7, which helm 3 before 3.18 knows no later than.
"""

from collections.abc import Mapping
from pathlib import Path

import msgspec
import yaml

from imageway.gateway.settings.schema import json_schema

_HERE = Path(__file__).parent
_TARGET = _HERE / "imageway" / "values.schema.json"


def values_schema() -> bytes:
    """The schema as it belongs into the chart."""
    own = yaml.safe_load((_HERE / "values.schema.yaml").read_text())
    gateway = msgspec.convert(json_schema()["$defs"], dict[str, object])
    definitions = {**{name: _bare(schema) for name, schema in gateway.items()}, **own.pop("$defs")}
    whole = {"$schema": "http://json-schema.org/draft-07/schema#", "title": "imageway", **own, "$defs": definitions}
    return msgspec.json.format(msgspec.json.encode(whole), indent=2) + b"\n"


def _bare(schema: object) -> object:
    """Without the descriptions, which helm tells nobody, so that their wording may change without the chart."""
    if isinstance(schema, Mapping):
        return {
            key: _bare(value) for key, value in schema.items() if key != "description" or not isinstance(value, str)
        }
    return [_bare(value) for value in schema] if isinstance(schema, list) else schema


if __name__ == "__main__":
    _TARGET.write_bytes(values_schema())
