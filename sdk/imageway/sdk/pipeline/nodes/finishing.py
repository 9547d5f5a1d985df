"""A record whose nodes are through: checked against the task's schema, and its columns made by the task's own code."""

from collections.abc import Mapping

from imageway.contract.request import JsonValue
from imageway.sdk.pipeline.events import RecordFault
from imageway.sdk.pipeline.nodes.hooks import TaskCodeError, approved, made_of
from imageway.sdk.pipeline.plan import Plan

__all__ = ("finished",)


async def finished(
    position: int, record_id: str, state: Mapping[str, JsonValue], plan: Plan
) -> tuple[dict[str, JsonValue], RecordFault | None]:
    """The columns that code makes of *state*, or what is wrong with the record after all."""

    def fault(code: str, message: str) -> RecordFault:
        return RecordFault(position=position, record_id=record_id, code=code, message=message)

    try:
        if plan.schema is not None:
            await approved(plan.schema, state)
    except TaskCodeError as error:
        return {}, fault("schema", f"The finished record isn't as schema_config wants it: {error}")
    try:
        if plan.generate is not None:
            row = await made_of(plan.generate, dict(state))
            if row is None:
                return {}, fault("skipped", f"{plan.generate.path} answered with nothing: no row is wanted of it.")
            if not isinstance(row, dict):
                kind = type(row).__name__
                return {}, fault("task_code", f"{plan.generate.path} answered with {kind}; a row is a mapping.")
            return row, None
        return {
            column.name: await made_of(column.transform, value(column.source, column.value, state), dict(state))
            for column in plan.columns or ()
            if column.transform is not None
        }, None
    except TaskCodeError as error:
        return {}, fault("task_code", str(error))


def value(source: str | None, constant: JsonValue, state: Mapping[str, JsonValue]) -> JsonValue:
    """What a column starts from."""
    return constant if source is None else state.get(source)
