"""How a run ends: its exit code, and what is said of it."""

import re
from collections.abc import Iterator

from msgspec import Struct

from imageway.contract.request import JsonValue
from imageway.sdk.cli.talk import Exit, GiveUpError, counted
from imageway.sdk.pipeline.events import RunSummary

__all__ = ("ANY", "FailOn", "exit_of", "read_fail_on", "summary_json", "told")

_SHOWN_GROUPS = 5
_SHARE = re.compile(r"([0-9]+(?:\.[0-9]+)?)%")


class FailOn(Struct, frozen=True, kw_only=True):
    """From which share of failed records on, in per cent, a run counts as failed; None for never."""

    above_percent: float | None = 0.0

    def is_too_much(self, summary: RunSummary) -> bool:
        if summary.unfinished:
            return True
        if self.above_percent is None or not summary.failed:
            return False
        return summary.failed * 100 > self.above_percent * summary.total


ANY = FailOn()


def read_fail_on(text: str) -> FailOn:
    """`any`, `none`, or a share such as `5%`. Raises `GiveUpError`."""
    share = _SHARE.fullmatch(text)
    match text:
        case "any":
            return ANY
        case "none":
            return FailOn(above_percent=None)
        case _ if share is not None and float(share[1]) <= 100:
            return FailOn(above_percent=float(share[1]))
        case _:
            raise GiveUpError(Exit.UNUSABLE, f"--fail-on is any, none or a share such as 5%, but it is '{text}'")


def exit_of(summary: RunSummary, fail_on: FailOn, *, terminated: bool) -> Exit:
    """The exit code of a run; *terminated* says that SIGTERM stopped it."""
    match summary.stopped:
        case "unreachable" | "unauthorised":
            return Exit.NO_GATEWAY
        case "data":
            return Exit.UNUSABLE
        case "interrupted":
            return Exit.TERMINATED if terminated else Exit.INTERRUPTED
        case "storage":
            return Exit.SOME_FAILED
        case "budget" | "time":
            return Exit.LIMIT_REACHED
        case "failing":
            return Exit.FAILING
        case None:
            return Exit.SOME_FAILED if fail_on.is_too_much(summary) else Exit.FINE


def told(summary: RunSummary) -> Iterator[str]:
    if summary.reason:
        yield f"stopped: {summary.reason}"
    reused = f", and {summary.reused} taken from an earlier run" if summary.reused else ""
    skipped = f", {summary.skipped} passed over" if summary.skipped else ""
    unfinished = f", {summary.unfinished} not done" if summary.unfinished else ""
    records = counted(summary.total, "record") + ("" if summary.read_to_end else " so far")
    yield (
        f"{records}: {summary.succeeded} drawn, {summary.failed} failed{skipped}{unfinished};"
        f" {counted(summary.pictures, 'picture')}{reused}; {summary.output}"
    )
    for group in summary.failures[:_SHOWN_GROUPS]:
        yield f"  {group.code} x{group.count}, first in '{group.first_id}': {group.first_message}"
    if summary.errors is not None:
        yield f"every failure is in {summary.errors}"
    if summary.remembered:
        yield (
            f"{counted(summary.remembered, 'failure')} of an earlier run: not asked again without --retry-failed,"
            " or --retry-unknown where it may have been paid for"
        )


def summary_json(summary: RunSummary, exit_: Exit) -> dict[str, JsonValue]:
    return {
        "exit_code": int(exit_),
        "run": summary.run,
        "total": summary.total,
        "read_to_end": summary.read_to_end,
        "succeeded": summary.succeeded,
        "failed": summary.failed,
        "skipped": summary.skipped,
        "unfinished": summary.unfinished,
        "pictures": summary.pictures,
        "reused": summary.reused,
        "remembered": summary.remembered,
        "cost_usd": None if summary.cost_usd is None else float(summary.cost_usd),
        "output": str(summary.output),
        "errors": None if summary.errors is None else str(summary.errors),
        "stopped": summary.stopped,
        "failures": [
            {"code": group.code, "count": group.count, "first_id": group.first_id, "message": group.first_message}
            for group in summary.failures
        ],
    }
