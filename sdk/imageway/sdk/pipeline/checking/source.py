"""Records told apart by their ids, where a few are looked at before a run."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from imageway.contract.request import JsonValue
from imageway.sdk.pipeline.data.ids import record_id

__all__ = ("RecordId", "record_ids")


class RecordId(Struct, frozen=True, kw_only=True):
    """A record's id as text; `fault` is a sentence where the record can't be run under it."""

    text: str
    fault: str | None = None


def record_ids(records: Sequence[Mapping[str, JsonValue]], id_column: str | None) -> list[RecordId]:
    """The id of each record, as `record_id` has it. Where two are equal as text, the later one is at fault."""
    taken: dict[str, int] = {}
    ids: list[RecordId] = []
    for position, record in enumerate(records, start=1):
        text, fault = record_id(record, id_column, position)
        message = None if fault is None else fault.message
        if fault is None:
            first = taken.setdefault(text, position)
            if first != position:
                message = f"id '{text}' is already used by record {first}"
        ids.append(RecordId(text=text, fault=message))
    return ids
