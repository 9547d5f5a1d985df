"""One record through the nodes of its task, until one fails."""

from msgspec import Struct

from imageway.contract.request import JsonValue
from imageway.sdk.pipeline.drawing import Call, Drawn, Halt, Studio, draw
from imageway.sdk.pipeline.events import RecordFault

__all__ = ("Record", "RecordEnd", "draw_record")


class Record(Struct, frozen=True, kw_only=True):
    """A record to be run: its place from 1, its id, its fields, and the file stem of each output key."""

    position: int
    record_id: str
    fields: dict[str, JsonValue]
    stems: dict[str, str]


class RecordEnd(Struct, frozen=True, kw_only=True):
    """What became of a record: its fields with the answers beside them, and which of them were drawn.

    `pictures` were drawn now, `reused` by an earlier run of the same.

    With `halt` and without a fault nothing has happened yet, and the record may be run another time.
    """

    state: dict[str, JsonValue]
    drawn: frozenset[str] = frozenset()
    pictures: int = 0
    reused: int = 0
    fault: RecordFault | None = None
    halt: Halt | None = None


async def draw_record(record: Record, studio: Studio) -> RecordEnd:
    """Run the nodes on *record* until one fails. Raises nothing but `CancelledError`."""
    state = dict(record.fields)
    drawn: dict[str, Drawn] = {}
    for node in studio.nodes:
        stem = record.stems[node.output_key]
        call = Call(position=record.position, record_id=record.record_id, node=node, stem=stem)
        end = drawn[node.output_key] = await draw(call, state, studio)
        if end.answer is not None:
            state[node.output_key] = end.answer
        if end.fault is not None:
            return _end(state, drawn, end.fault, end.halt)
    return _end(state, drawn)


def _end(
    state: dict[str, JsonValue], drawn: dict[str, Drawn], fault: RecordFault | None = None, halt: Halt | None = None
) -> RecordEnd:
    """The end of a record; where the gateway couldn't be reached, a row is written only for pictures drawn before."""
    answered = frozenset(key for key, one in drawn.items() if one.answer is not None)
    unheard = halt is not None and halt.cause == "unreachable" and not answered
    return RecordEnd(
        state=state,
        drawn=answered,
        pictures=sum(one.pictures for one in drawn.values()),
        reused=sum(one.reused for one in drawn.values()),
        fault=None if unheard else fault,
        halt=halt,
    )
