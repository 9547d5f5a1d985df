"""A task's own code, called for a record: in a thread, or awaited where it is asynchronous."""

import asyncio
import datetime as dt
import inspect
import logging
import math
import os
from collections.abc import Iterable, Mapping
from copy import deepcopy
from decimal import Decimal
from typing import Any

from imageway.contract.request import JsonValue
from imageway.contract.strict import did_you_mean
from imageway.sdk.pipeline.data.values import as_json
from imageway.sdk.pipeline.plan import Hook, LambdaNode
from imageway.sdk.pipeline.task_code import accepts

__all__ = ("Answer", "TaskCodeError", "answered", "approved", "computed", "destination", "made_of", "prepared")

log = logging.getLogger(__name__)

State = Mapping[str, JsonValue]

_END = {"__end__": "END"}
_MOST_LEVELS = 100
"""How deep lists and mappings may lie in one another; one that holds itself is beyond it."""


class TaskCodeError(Exception):
    """A task's own code failed, or answered with what can't be used; the sentence is for the record's row."""


class Answer:
    """A node's answer as post-processors get it: `content` is the path of a picture, a list of paths, or a text.

    It is its own `message`, since SyGra wraps an answer for classes and doesn't for functions.
    """

    def __init__(self, content: JsonValue) -> None:
        self.content = content

    @property
    def message(self) -> "Answer":
        return self


async def prepared(hook: Hook | None, state: State) -> State:
    """The state that a node's prompt is filled from: what *hook* makes of *state*."""
    if hook is None:
        return state
    found = await _called(hook, _copy(state))
    if not isinstance(found, Mapping):
        raise TaskCodeError(f"{hook.path} answered with {_kind(found)}; it must return the state.")
    return found


async def answered(hook: Hook, answer: Any, state: State, outputs: Iterable[str]) -> dict[str, JsonValue]:  # noqa: ANN401  # an Answer, or several
    """What *hook* makes of a node's answer: values for *outputs*, and nothing else."""
    arguments = (answer, _copy(state)) if accepts(hook.call, 2) else (answer,)
    found = await _called(hook, *arguments)
    if not isinstance(found, Mapping):
        raise TaskCodeError(f"{hook.path} answered with {_kind(found)}; it must return a mapping of output_keys.")
    return _changes(hook, found, state, outputs)


async def computed(node: LambdaNode, state: State) -> dict[str, JsonValue]:
    """What the function of a lambda node makes of *state*: the fields that it changed."""
    found = await _called(node.function, deepcopy(node.config), _copy(state))
    if not isinstance(found, Mapping):
        raise TaskCodeError(f"{node.function.path} answered with {_kind(found)}; it must return the state.")
    return _changes(node.function, found, state, node.outputs)


async def destination(hook: Hook, state: State, labels: Iterable[str]) -> str:
    """The one of *labels* that the condition *hook* answers with."""
    found = await _called(hook, _copy(state))
    label = _END.get(found, found) if isinstance(found, str) else found
    known = [*labels]
    if not isinstance(label, str) or label not in known:
        shown = f"'{label}'" if isinstance(label, str) else _kind(found)
        raise TaskCodeError(f"The condition {hook.path} answered with {shown}; path_map has {', '.join(known)}.")
    return label


async def made_of(hook: Hook, *arguments: JsonValue) -> JsonValue:
    """What *hook* makes of *arguments*, of which it gets copies, and no more than it takes."""
    count = max((count for count in range(len(arguments) + 1) if accepts(hook.call, count)), default=len(arguments))
    made = await _called(hook, *[deepcopy(argument) for argument in arguments[:count]])
    return _kept(hook, "its column to", made)


async def approved(hook: Hook, state: State) -> None:
    """Have *hook* look at *state*, which it raises for where it isn't as it must be."""
    await _called(hook, _copy(state))


def _copy(state: State) -> dict[str, JsonValue]:
    return deepcopy(dict(state))


async def _called(hook: Hook, *arguments: Any) -> Any:  # noqa: ANN401  # whatever a task's function takes and makes
    try:
        if inspect.iscoroutinefunction(hook.call):
            return await hook.call(*arguments)
        found = await asyncio.to_thread(hook.call, *arguments)
        return await found if inspect.isawaitable(found) else found
    except (
        Exception,
        SystemExit,
        KeyboardInterrupt,
        GeneratorExit,
        asyncio.CancelledError,
    ) as error:  # a task's own code may raise anything
        running = asyncio.current_task()
        if not isinstance(error, Exception | SystemExit) and running is not None and running.cancelling():
            raise
        log.debug("%s raised %s", hook.path, type(error).__name__, exc_info=True)
        told = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise TaskCodeError(f"{hook.path} raised {told}") from error


def _changes(hook: Hook, found: Mapping[str, JsonValue], state: State, outputs: Iterable[str]) -> dict[str, JsonValue]:
    allowed = [*outputs]
    changes = {key: value for key, value in found.items() if key in allowed or _differs(key, value, state)}
    odd = [str(key) for key in changes if key not in allowed]
    if odd:
        listed = ", ".join(allowed) or "empty"
        hint = did_you_mean(odd[0], allowed)
        told = f"{hook.path} set {', '.join(odd)}, which output_keys doesn't list; it is {listed}."
        raise TaskCodeError(f"{told} {hint.capitalize()}" if hint else told)
    return {key: _kept(hook, f"{key} to", value) for key, value in changes.items()}


def _kept(hook: Hook, what: str, value: Any, depth: int = 1) -> JsonValue:  # noqa: ANN401  # whatever a task's function makes
    """*value* as a record can hold it; what can't be kept in a row is refused rather than spelled somehow."""
    if depth > _MOST_LEVELS:
        raise TaskCodeError(f"{hook.path} set {what} a value of more than {_MOST_LEVELS} levels.")
    match value:
        case os.PathLike():
            return os.fsdecode(value)
        case Mapping():
            return {str(name): _kept(hook, what, item, depth + 1) for name, item in value.items()}
        case set() | frozenset():
            return [_kept(hook, what, item, depth + 1) for item in sorted(value, key=repr)]
        case list() | tuple():
            return [_kept(hook, what, item, depth + 1) for item in value]
        case float() | Decimal() if not (value.is_finite() if isinstance(value, Decimal) else math.isfinite(value)):
            told = (
                f"{hook.path} set {what} {value}, which is no number that JSON has; null (None) says that there is none"
            )
            raise TaskCodeError(f"{told}.")
        case None | bool() | int() | float() | str() | bytes() | dt.date() | dt.time() | Decimal():
            return as_json(value)
        case _:
            kept = "text, numbers, bytes, times, paths, lists and mappings"
            raise TaskCodeError(f"{hook.path} set {what} a value of {type(value).__name__}; a record holds {kept}.")


def _differs(key: str, value: JsonValue, state: State) -> bool:
    if key not in state:
        return True
    try:
        return bool(state[key] != value)
    except Exception:  # noqa: BLE001  # values of a task's own may not want to be compared
        return True


def _kind(value: object) -> str:
    return "nothing" if value is None else type(value).__name__
