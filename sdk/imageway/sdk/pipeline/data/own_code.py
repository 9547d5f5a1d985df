"""A task's own transformations: classes and functions by their dotted path, sought from the task's folder first."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from imageway.contract.wording import type_word
from imageway.sdk.pipeline.data.kinds import Transformation
from imageway.sdk.pipeline.data.row import Found, SourceError
from imageway.sdk.pipeline.task_code import CodeError, TaskCode

__all__ = ("transformed",)

_MOST_RECORDS = 1_000_000


def transformed(found: Iterator[Found], step: Transformation, folder: Path) -> Iterator[Found]:
    """What *step* makes of all records at once, by SyGra's interface: the method `transform(records, params)` of a
    class, or a function of the two. Broken records come behind them. Raises `SourceError`.
    """
    sound: list[Found] = []
    broken: list[Found] = []
    for one in found:
        (sound if one.fault is None else broken).append(one)
        if len(sound) > _MOST_RECORDS:
            raise SourceError(f"{step.transform} needs all records at once, and there are more than {_MOST_RECORDS:,}")
    code = TaskCode(folder, Path.cwd())
    with code.importing():
        transform = _loaded(step.transform, code)
        try:
            made = transform([one.fields for one in sound], step.params)
            records = None if made is None else [*made]
        except Exception as error:
            raise SourceError(f"{step.transform} failed: {type(error).__name__}: {error}") from error
    if records is None:
        raise SourceError(f"{step.transform} answered with nothing; it must return the records")
    for index, record in enumerate(records):
        # Where none was dropped or added, each is still where it stood.
        place = sound[index].place if len(records) == len(sound) else f"{step.transform}, record {index + 1}"
        if isinstance(record, dict):
            yield Found(place=place, fields=record)
        else:
            yield Found(place=place, fault=f"a record must be an object, but it is {type_word(record)}")
    yield from broken


def _loaded(name: str, code: TaskCode) -> Callable[[list[Any], dict[str, Any]], Any]:
    try:
        found = code.find(name)
        if isinstance(found, type):
            found = getattr(found(), "transform", None)
    except CodeError as error:
        raise SourceError(f"{error}; {error.hint}" if error.hint else str(error)) from error
    except Exception as error:
        raise SourceError(f"{name} can't be made: {type(error).__name__}: {error}") from error
    if not callable(found):
        raise SourceError(f"{name} is no function, and no class with a method transform")
    return found  # type: ignore[no-any-return]  # whatever a task names
