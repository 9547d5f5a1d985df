"""A node run once for a record: hooks before, the call or the code, hooks after."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import assert_never

from msgspec import Struct

from imageway.contract.request import JsonValue
from imageway.sdk.pipeline.events import RecordFault
from imageway.sdk.pipeline.nodes.drawing import Call, Drawn, Halt, Studio, draw
from imageway.sdk.pipeline.nodes.hooks import Answer, TaskCodeError, answered, computed, prepared
from imageway.sdk.pipeline.nodes.sampler import sampled
from imageway.sdk.pipeline.nodes.writing import write
from imageway.sdk.pipeline.plan import (
    ImageNode,
    LambdaNode,
    MultiNode,
    Node,
    Passage,
    SamplerNode,
    TextNode,
    writes_of,
)

__all__ = ("NodeEnd", "Visit", "fault_of", "visited")


class Visit(Struct, frozen=True, kw_only=True):
    """Which run of a node it is: of which record, the how manieth from 1, and what the node sees of the state.

    `fills` counts, for the whole record, how often the pictures of each stem's field were asked for.
    """

    position: int
    record_id: str
    draw: int
    state: Mapping[str, JsonValue]
    stems: Mapping[str, str]
    fills: Counter[str]


class NodeEnd(Struct, frozen=True, kw_only=True):
    """What came of it: the fields that it wrote, and those of them that models answered; see `RecordEnd`."""

    writes: dict[str, JsonValue] = {}
    drawn: frozenset[str] = frozenset()
    pictures: int = 0
    reused: int = 0
    fault: RecordFault | None = None
    halt: Halt | None = None


async def visited(node: Node, visit: Visit, studio: Studio) -> NodeEnd:
    """Run *node*. Raises nothing but `CancelledError`."""
    try:
        match node:
            case ImageNode() | TextNode() | MultiNode():
                return await _asked(node, visit, studio)
            case LambdaNode():
                return NodeEnd(writes=await computed(node, visit.state))
            case SamplerNode():
                lots = sampled(node, seed=studio.seed, record_id=visit.record_id, draw=visit.draw)
                return NodeEnd(writes=lots)
            case Passage():
                return NodeEnd()
            case _:
                assert_never(node)
    except TaskCodeError as error:
        return NodeEnd(fault=fault_of(visit.position, visit.record_id, node.name, "task_code", str(error)))


def fault_of(position: int, record_id: str, node: str, code: str, message: str) -> RecordFault:
    """A fault that no call is to blame for."""
    return RecordFault(position=position, record_id=record_id, node=node, code=code, message=message)


async def _asked(node: ImageNode | TextNode | MultiNode, visit: Visit, studio: Studio) -> NodeEnd:
    state = await prepared(node.before, visit.state)
    if isinstance(node, MultiNode):
        asked = [_called(member, state, visit, studio) for member in node.members.values()]
        ends = dict(zip(node.members, await asyncio.gather(*asked), strict=True))
        end = _together(ends)
        found: Answer | dict[str, Answer] = {label: Answer(one.answer) for label, one in ends.items()}
    else:
        end = await _called(node, state, visit, studio)
        found = Answer(end.answer)
    writes: dict[str, JsonValue] = {} if end.answer is None else {node.output_key: end.answer}
    fault = end.fault
    if fault is None and node.after is not None:
        try:
            writes = await answered(node.after, found, state, writes_of(node))
        except TaskCodeError as error:
            fault = fault_of(visit.position, visit.record_id, node.name, "task_code", str(error))
    return NodeEnd(
        writes=writes, drawn=frozenset(writes), pictures=end.pictures, reused=end.reused, fault=fault, halt=end.halt
    )


async def _called(node: ImageNode | TextNode, state: Mapping[str, JsonValue], visit: Visit, studio: Studio) -> Drawn:
    if isinstance(node, TextNode):
        return await write(node, state, studio, position=visit.position, record_id=visit.record_id, draw=visit.draw)
    visit.fills[node.output_key] += 1
    fill, stem = visit.fills[node.output_key], visit.stems[node.output_key]
    call = Call(
        position=visit.position,
        record_id=visit.record_id,
        node=node,
        stem=stem if fill == 1 else f"{stem}~{fill}",
        draw=visit.draw,
    )
    return await draw(call, state, studio)


def _together(ends: Mapping[str, Drawn]) -> Drawn:
    """The calls of several models as one: the answers by label, and the first fault."""
    answers: dict[str, JsonValue] = {label: end.answer for label, end in ends.items() if end.answer is not None}
    return Drawn(
        answer=answers or None,
        pictures=sum(end.pictures for end in ends.values()),
        reused=sum(end.reused for end in ends.values()),
        fault=next((end.fault for end in ends.values() if end.fault is not None), None),
        halt=next((end.halt for end in ends.values() if end.halt is not None), None),
    )
