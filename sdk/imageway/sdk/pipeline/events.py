"""What a run tells while it goes on, and what has become of it in the end."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Literal, TypeAlias

from msgspec import Struct

from imageway.contract.errors import Violation
from imageway.contract.request import JsonValue

__all__ = (
    "FailureGroup",
    "Listener",
    "Noted",
    "RecordFault",
    "RecordFinished",
    "RunEvent",
    "RunStarted",
    "RunSummary",
    "Stopped",
    "Throttled",
    "as_json",
)


Stopped: TypeAlias = Literal[
    "interrupted", "unreachable", "unauthorised", "storage", "data", "budget", "time", "failing"
]
"""Why a run has ended before its records."""


class RecordFault(Struct, frozen=True, kw_only=True):
    """Why a record failed.

    `position` counts from 1. `code` is one of the contract's, or `missing_field`, `invalid_id`, `storage`. `attempts`
    is how many calls the node at fault has sent. `remembered` faults are those of an earlier run: nothing was sent now.
    """

    position: int
    record_id: str
    code: str
    message: str
    node: str | None = None
    param: str | None = None
    violations: tuple[Violation, ...] = ()
    request_id: str | None = None
    attempts: int = 0
    may_have_billed: bool = False
    remembered: bool = False


class RunStarted(Struct, frozen=True, kw_only=True, tag="started"):
    """`total` records are going to be run; None where that isn't known before all are read."""

    total: int | None


class RecordFinished(Struct, frozen=True, kw_only=True, tag="record"):
    """A record is done, well or with a fault; `done` of `total` records are, as far as that is known.

    `spent_usd` is what the run has spent so far, of which nobody may know.
    """

    record_id: str
    done: int
    total: int | None
    pictures: int
    fault: RecordFault | None = None
    spent_usd: Decimal | None = None


class Throttled(Struct, frozen=True, kw_only=True, tag="throttled"):
    """The gateway has refused a call for now: none goes out for `wait_s`, then at most `in_flight` at a time."""

    wait_s: float
    in_flight: int
    code: str


class Noted(Struct, frozen=True, kw_only=True, tag="note"):
    """A sentence to be told once."""

    message: str


RunEvent: TypeAlias = RunStarted | RecordFinished | Throttled | Noted
Listener: TypeAlias = Callable[[RunEvent], None]


class FailureGroup(Struct, frozen=True, kw_only=True):
    """How often a code was met, and the first record that met it."""

    code: str
    count: int
    first_id: str
    first_message: str


class RunSummary(Struct, frozen=True, kw_only=True):
    """The end of a run.

    `reused` pictures were taken from an earlier run, and `remembered` records failed as they did there.
    `unfinished` records were not begun, or were given up before anything of theirs was drawn; they aren't in the
    output. `stopped` says why there are any, `reason` in a sentence. `run` is the run's id; `cost_usd` is what all
    its calls have cost, those of earlier passes included, as far as that is known. `total` are the records that were
    read: the others are unknown where the input wasn't `read_to_end`.
    """

    run: str = ""
    total: int
    read_to_end: bool = True
    succeeded: int
    failed: int
    skipped: int = 0
    unfinished: int
    pictures: int
    reused: int = 0
    remembered: int = 0
    cost_usd: Decimal | None = None
    output: Path
    errors: Path | None
    failures: tuple[FailureGroup, ...] = ()
    stopped: Stopped | None = None
    reason: str = ""


def as_json(fault: RecordFault) -> dict[str, JsonValue]:
    """A line of `errors.jsonl`."""
    line: dict[str, JsonValue] = {
        "record": fault.position,
        "id": fault.record_id,
        "node": fault.node,
        "code": fault.code,
        "message": fault.message,
        "param": fault.param,
        "attempts": fault.attempts,
        "request_id": fault.request_id,
    }
    if fault.violations:
        line["violations"] = [
            {"param": violation.param, "message": violation.message, "code": violation.code}
            for violation in fault.violations
        ]
    if fault.may_have_billed:
        line["may_have_billed"] = True
    return line
