"""The JSON schemas of task files and models files, for editors: what `check` takes, as far as a schema can say it."""

from typing import Any

import msgspec

from imageway.sdk.pipeline.schema.models import ModelRow
from imageway.sdk.pipeline.schema.task import Task

__all__ = ("models_schema", "task_schema")

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_ONE_OF = {
    "Message": (("system",), ("user",), ("assistant",)),
    "Edge": (("to",), ("condition", "path_map")),
    "OutputField": (("from",), ("value",)),
    "SchemaConfig": (("schema",), ("fields",)),
}
"""Of which keys exactly one group stands in a mapping; the types can't say it."""


def task_schema() -> dict[str, Any]:
    """The schema of a task's file."""
    return _published(Task, "imageway task")


def models_schema() -> dict[str, Any]:
    """The schema of a models file."""
    return _published(dict[str, ModelRow], "imageway models")


def _published(type_: Any, title: str) -> dict[str, Any]:  # noqa: ANN401  # a type, which mypy can't name
    schema = msgspec.json.schema(type_)
    for name, groups in _ONE_OF.items():
        definition = schema.get("$defs", {}).get(name)
        if definition is not None:
            definition["oneOf"] = [{"required": [*group]} for group in groups]
    model = schema.get("$defs", {}).get("NodeModel")
    if model is not None:
        model["anyOf"] = [{"required": ["name"]}, {"required": ["model"]}]
    for definition in schema.get("$defs", {}).values():
        definition.pop("title", None)
    return {"$schema": _DIALECT, "title": title, **schema}
