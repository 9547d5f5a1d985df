"""A plan together with the places in the files that it came from, so that later findings can point there."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from imageway.contract.document import Document, YamlPath, issue_at
from imageway.contract.issue import Issue, Severity
from imageway.contract.request import JsonValue
from imageway.sdk.pipeline.plan import Plan

__all__ = ("LoadedTask", "Origin", "Place")


class Place(Struct, frozen=True, kw_only=True):
    """A value or key in one of the task's files."""

    document: Document
    path: YamlPath

    def issue(
        self, code: str, message: str, *, severity: Severity = "error", of_key: bool = False, hint: str = ""
    ) -> Issue:
        return issue_at(self.document, self.path, code, message, severity=severity, of_key=of_key, hint=hint)


class Origin(Struct, frozen=True, kw_only=True):
    """Where a node's things stand: its model's name, each parameter, and the prompt's parts in the plan's order."""

    model: Place
    params: Mapping[str, Place]
    parts: tuple[Place, ...]


class LoadedTask(Struct, frozen=True, kw_only=True):
    """A checked task: `plan` is what is run. `origins` are by node, `aliases` are the rows of the models file.

    `sample` are its first records, where they were looked at.
    """

    plan: Plan
    document: Document
    origins: Mapping[str, Origin]
    aliases: tuple[str, ...] = ()
    sample: Sequence[Mapping[str, JsonValue]] = ()
