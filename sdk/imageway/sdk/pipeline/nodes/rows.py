"""Rows of the output: what `output_map` says of a record's state, and what remains of a record that failed."""

from collections.abc import Mapping

from imageway.contract.request import JsonValue
from imageway.sdk.pipeline.events import RecordFault
from imageway.sdk.pipeline.nodes.record import RecordEnd
from imageway.sdk.pipeline.plan import OutputColumn, Plan

__all__ = ("absent_sources", "row")


def row(plan: Plan, end: RecordEnd) -> dict[str, JsonValue]:
    """The row of a record that has ended.

    Without columns it is the whole state. Of a failed record the id and the pictures that were drawn stay, all other
    columns are null, and `_error` says why; without columns its own fields stay as well.
    """
    if plan.generate is not None and end.fault is None:
        return end.made
    columns = plan.columns if plan.columns is not None else _all_columns(plan, end)
    if end.fault is None:
        return {**{column.name: _value(column, end.state) for column in columns}, **end.made}
    stays = {*end.drawn, "id", plan.id_column} - {None}
    if plan.columns is None:
        stays |= set(end.state)
    kept = {column.name: _value(column, end.state) for column in columns if column.source in stays}
    return {**dict.fromkeys((column.name for column in columns), None), **kept, "_error": _error(end.fault)}


def absent_sources(plan: Plan, state: Mapping[str, JsonValue]) -> dict[str, str]:
    """The columns that are null in the row of *state* because it doesn't have their source, by name."""
    return {
        column.name: column.source
        for column in plan.columns or ()
        if column.source is not None and column.source not in state
    }


def _all_columns(plan: Plan, end: RecordEnd) -> list[OutputColumn]:
    names = dict.fromkeys([*end.state, *plan.outputs])
    return [OutputColumn(name=name, source=name) for name in names]


def _value(column: OutputColumn, state: dict[str, JsonValue]) -> JsonValue:
    return column.value if column.source is None else state.get(column.source)


def _error(fault: RecordFault) -> JsonValue:
    return {
        "code": fault.code,
        "message": fault.message,
        "request_id": fault.request_id,
        "attempts": fault.attempts,
    }
