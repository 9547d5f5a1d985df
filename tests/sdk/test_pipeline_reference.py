"""The reference of task files is made from the code, and is current."""

import runpy
from pathlib import Path

from imageway.sdk.pipeline.schema.published import task_schema

DOCS = Path(__file__).parents[2] / "docs"


def test_the_reference_is_current() -> None:
    made = runpy.run_path(str(DOCS / "pipeline_reference.py"))["reference"]()

    assert (DOCS / "pipeline-reference.md").read_text(encoding="utf-8") == made, "run `make reference`"


def test_the_reference_has_every_key() -> None:
    page = (DOCS / "pipeline-reference.md").read_text(encoding="utf-8")

    missing = [
        f"{name}.{key}"
        for name, definition in task_schema()["$defs"].items()
        for key in definition.get("properties", {})
        if f"`{key}`" not in page
    ]

    assert missing == []
