"""The first records, to be looked at before a run: enough to find what they lack, few enough to be had at once."""

from collections.abc import Mapping
from itertools import islice

from imageway.contract.issue import Issue
from imageway.contract.request import JsonValue
from imageway.sdk.pipeline.data.files import STDIN
from imageway.sdk.pipeline.data.kinds import Blank, Data, DataFile, Joined
from imageway.sdk.pipeline.data.row import Row
from imageway.sdk.pipeline.data.source import open_source

__all__ = ("looked_at",)

_TEXTS = 10_000
_PICTURES = 100
"""Of sources whose records may hold pictures."""
_TOLD = 5


def looked_at(data: Data) -> tuple[list[Mapping[str, JsonValue]], list[Issue], bool]:
    """The fields of the first records, what is to be said of broken ones among them, and whether there are more.

    There is nothing to look at where there are no data, or where they come from standard input, which is read once.
    Raises `SourceError`.
    """
    if isinstance(data, Blank) or (isinstance(data, DataFile) and data.path == STDIN):
        return [], [], False
    with open_source(data) as source:
        rows = iter(source)
        found = [*islice(rows, _bound(data))]
        more = next(rows, None) is not None
    broken = [row for row in found if row.fault is not None and row.fault.code == "invalid_record"]
    return [row.fields for row in found if row not in broken], _issues(broken), more


def _bound(data: Data) -> int:
    match data:
        case DataFile() if data.path.suffix.lower() != ".parquet" and data.format != "parquet":
            return _TEXTS
        case Joined():
            return min(_bound(member.data) for member in data.members)
        case _:
            return _PICTURES


def _issues(broken: list[Row]) -> list[Issue]:
    issues = [Issue(code="data", message=row.fault.message, severity="warning") for row in broken[:_TOLD] if row.fault]
    if len(broken) > _TOLD:
        message = f"{len(broken) - _TOLD:,} more records are broken"
        issues.append(Issue(code="data", message=message, severity="warning"))
    return issues
