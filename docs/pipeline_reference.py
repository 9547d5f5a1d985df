"""Writes pipeline-reference.md from the Structs that task files are decoded into; `make reference` runs it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from imageway.sdk.pipeline.schema.published import models_schema, task_schema

__all__ = ("reference",)

_TITLES = {
    "Task": "The file",
    "DataConfig": "`data_config`",
    "GraphConfig": "`graph_config`",
    "GraphProperties": "`graph_config.graph_properties`",
    "Edge": "`graph_config.edges[]`",
    "LlmNode": "`node_type: llm`",
    "MultiLlmNode": "`node_type: multi_llm`",
    "LambdaNode": "`node_type: lambda`",
    "SamplerNode": "`node_type: weighted_sampler`",
    "SubgraphNode": "`node_type: subgraph`",
    "Message": "`prompt[]`",
    "NodeModel": "`model`, and `models.LABEL`",
    "OutputConfig": "`output_config`",
    "OutputField": "`output_config.output_map.COLUMN`",
    "SchemaConfig": "`schema_config`",
    "ModelRow": "`models.yaml`: `ALIAS`",
}
_HEAD = """\
# Every key of a pipeline

Made from the code by `make reference`; change the descriptions there. [Pipelines](pipelines.md) tells how to use them,
and `imageway schema` prints the same for editors. A key that isn't listed is refused.
"""


def reference() -> str:
    """The whole page."""
    definitions = {**task_schema()["$defs"], **models_schema()["$defs"]}
    names = [*_TITLES, *sorted(set(definitions) - set(_TITLES))]
    return _HEAD + "".join(_section(name, definitions[name]) for name in names if name in definitions)


def _section(name: str, definition: dict[str, Any]) -> str:
    lines = [f"\n## {_title(name)}\n", *([definition["description"]] if "description" in definition else []), ""]
    properties = definition.get("properties", {})
    if not properties:
        return "\n".join(lines)
    lines += ["| key | value | |", "| --- | --- | --- |"]
    required = definition.get("required", ())
    ignored = [key for key, value in properties.items() if _description(value).startswith("Read and without effect")]
    for key, value in properties.items():
        if key not in ignored:
            lines.append(f"| `{key}`{'' if key in required else ' (optional)'} | {_kind(value)} | {_cell(value)} |")
    if ignored:
        listed = ", ".join(f"`{key}`" for key in ignored)
        lines += ["", f"Read and without effect, each told once: {listed}."]
    return "\n".join(lines) + "\n"


def _title(name: str) -> str:
    return _TITLES.get(name, name)


def _cell(value: dict[str, Any]) -> str:
    default = value.get("default")
    told = "" if default in (None, [], {}) or isinstance(default, dict) else f" `{json.dumps(default)}` unless told."
    return (_description(value) + told).replace("|", "\\|").replace("\n", " ")


def _description(value: dict[str, Any]) -> str:
    return str(value.get("description", ""))


def _kind(value: dict[str, Any]) -> str:
    return ", or ".join(dict.fromkeys(_kinds(value))).replace("|", "\\|") or "anything"


def _kinds(value: dict[str, Any]) -> Iterator[str]:
    if "anyOf" in value:
        for one in value["anyOf"]:
            yield from _kinds(one)
    elif "$ref" in value:
        name = value["$ref"].rpartition("/")[2]
        yield f"[{_title(name)}](#{_anchor(_title(name))})"
    elif "enum" in value:
        yield ", ".join(f"`{json.dumps(one)}`" for one in value["enum"])
    elif value.get("type") == "array":
        yield f"a list of {_kind(value['items']) if value.get('items') else 'anything'}"
    elif value.get("type") == "object":
        inner = value.get("additionalProperties")
        yield f"a mapping to {_kind(inner)}" if isinstance(inner, dict) and inner else "a mapping"
    elif value.get("type") not in (None, "null"):
        yield {"string": "text", "integer": "a whole number", "number": "a number", "boolean": "true or false"}[
            value["type"]
        ]


def _anchor(title: str) -> str:
    kept = (sign for sign in title.lower() if sign.isalnum() or sign in " -_")
    return "".join(kept).replace(" ", "-")


if __name__ == "__main__":
    Path(__file__).with_name("pipeline-reference.md").write_text(reference(), encoding="utf-8")
