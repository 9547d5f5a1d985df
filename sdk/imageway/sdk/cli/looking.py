"""`imageway status`, `errors` and `show`: what a run has come to, without changing anything."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from imageway.contract.request import JsonValue
from imageway.sdk.cli.talk import Exit, GiveUpError, counted, put, put_json, put_told, say
from imageway.sdk.money import shown_usd
from imageway.sdk.pipeline.files.lock import is_locked
from imageway.sdk.pipeline.journal.file import JournalError
from imageway.sdk.pipeline.journal.run_view import CallView, RunView, open_run

__all__ = ("show_errors", "show_record", "show_status")

_SHOWN_CHARS = 500


def show_status(output: Path, *, run: str | None, as_json: bool) -> Exit:
    """Say how far the run is: records by outcome, calls by state, pictures, cost, and failures by code."""
    try:
        with open_run(output, run) as view:
            told = _status(view)
    except JournalError as error:
        raise GiveUpError(Exit.UNUSABLE, str(error)) from error
    if as_json:
        put_json(told)
    else:
        for line in _status_lines(told):
            put(line)
    return Exit.FINE


def show_errors(output: Path, *, run: str | None, code: str | None, as_json: bool) -> Exit:
    """Put the failures on stdout, a line each; with *code* only those."""
    try:
        with open_run(output, run) as view:
            errors = [*view.outcomes.errors(code=code)]
            groups = [*view.outcomes.groups()]
    except JournalError as error:
        raise GiveUpError(Exit.UNUSABLE, str(error)) from error
    if as_json:
        by_code: dict[str, JsonValue] = {group.code: group.count for group in groups}
        put_json({"by_code": by_code, "errors": [*errors]})
        return Exit.FINE
    for line in errors:
        put_told(str(line["id"]), str(line["code"]), str(line["message"]))
    if code is not None and not errors:
        codes = ", ".join(group.code for group in groups) or "none"
        say(f"no record failed with the code '{code}'; codes here: {codes}")
    return Exit.FINE


def show_record(output: Path, record_id: str, *, run: str | None, as_json: bool) -> Exit:
    """Put all that is known of a record on stdout: its outcome, its row, and its calls with what was asked."""
    try:
        with open_run(output, run) as view:
            records = view.records(record_id)
            calls = [_call(view, call) for call in view.calls_of(record_id)]
    except JournalError as error:
        raise GiveUpError(Exit.UNUSABLE, str(error)) from error
    if not records and not calls:
        raise GiveUpError(Exit.UNUSABLE, f"{output} holds no record '{record_id}'; imageway status tells what there is")
    if as_json:
        put_json({"id": record_id, "records": [*records], "calls": [*calls]})
        return Exit.FINE
    for record in records:
        put_told(f"record {record['position']} '{record_id}': {record['outcome']}")
        row = record["row"]
        for name, value in row.items() if isinstance(row, dict) else ():
            put_told(f"  {name}: {_short(value)}")
    for call in calls:
        sent = call["attempts"]
        times = counted(sent, "time") if isinstance(sent, int) else sent
        put_told(f"call of {call['node']}: {call['state']}, sent {times}")
        for name in ("key", "request_id", "cost_usd", "asked", "answered", "pictures", "fault"):
            if call[name]:
                put_told(f"  {name}: {_short(call[name])}")
    return Exit.FINE


def _status(view: RunView) -> dict[str, JsonValue]:
    counts = view.outcomes.counts()
    cost = view.outcomes.cost_usd()
    running = is_locked(view.output)
    calls: dict[str, JsonValue] = {**view.calls()}
    return {
        "run": view.id,
        "runs": view.runs,
        "task": view.task,
        "drawer": view.drawer,
        "began_at": view.began_at,
        "ended_at": view.ended_at,
        "running": running,
        "stopped": view.stopped,
        "records": {
            "total": view.total,
            "done": counts.done,
            "failed": counts.failed,
            "skipped": counts.skipped,
            "unfinished": None if view.total is None else max(0, view.total - counts.ended),
        },
        "calls": calls,
        "pictures": view.picture_count(),
        "cost_usd": None if cost is None else float(cost),
        "failures": {group.code: group.count for group in view.outcomes.groups()},
    }


def _status_lines(told: dict[str, JsonValue]) -> Iterator[str]:
    state = "running" if told["running"] else f"stopped: {told['stopped']}" if told["stopped"] else "not running"
    if told["ended_at"] is None and not told["running"]:
        state = "cut off; the same command goes on"
    yield f"run {told['run']} of {told['task']}, drawn by {told['drawer'] or 'nobody yet'}: {state}"
    for name in ("records", "calls", "failures"):
        found = told[name]
        counts = found.items() if isinstance(found, dict) else ()
        listed = ", ".join(f"{key} {'unknown' if count is None else count}" for key, count in counts)
        yield f"{name}: {listed or 'none'}"
    cost = "unknown" if told["cost_usd"] is None else f"${shown_usd(Decimal(str(told['cost_usd'])))}"
    yield f"pictures: {told['pictures']}; cost: {cost}"


def _call(view: RunView, call: CallView) -> dict[str, JsonValue]:
    return {
        "key": call.key,
        "node": call.node,
        "draw": call.draw,
        "state": call.state,
        "attempts": call.attempts,
        "sent_at": call.sent_at,
        "ended_at": call.ended_at,
        "request_id": call.request_id,
        "cost_usd": call.cost_usd,
        "usage": call.usage,
        "asked": call.asked,
        "answered": call.answered,
        "fault": call.fault,
        "pictures": [
            {"path": str(view.output / picture.path), "sha256": picture.sha256, **picture.facts}
            for picture in view.pictures(call.key)
        ],
    }


def _short(value: JsonValue) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}…"
