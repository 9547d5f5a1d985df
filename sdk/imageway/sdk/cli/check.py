"""`imageway check`, and what `run` asks before its first call."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from msgspec.structs import replace

from imageway.contract.document import Issue
from imageway.contract.errors import ImageError
from imageway.contract.request import JsonValue
from imageway.contract.spec import ModelSpec
from imageway.contract.validation import Validation
from imageway.sdk.cli.gateway import open_client
from imageway.sdk.cli.talk import Exit, GiveUpError, put_json, say
from imageway.sdk.connecting import GatewayChoice
from imageway.sdk.embedded import Opener
from imageway.sdk.pipeline.checking.check import check_capabilities, check_data
from imageway.sdk.pipeline.checking.model_names import with_known_models
from imageway.sdk.pipeline.data.kinds import Blank
from imageway.sdk.pipeline.data.preview import looked_at
from imageway.sdk.pipeline.data.row import SourceError
from imageway.sdk.pipeline.loading.loaded import LoadedTask
from imageway.sdk.pipeline.loading.task import load_task

__all__ = ("against_models", "check_task", "faulty", "loaded_task", "tell_issues")

Found = tuple[LoadedTask | None, list[Issue]]


async def check_task(
    task: Path, *, models_file: Path | None, choice: GatewayChoice, as_json: bool, opener: Opener | None = None
) -> Exit:
    """Say all that is known against *task*. What its models do is left out where no gateway tells it."""
    loaded, issues = loaded_task(task, models_file)
    unchecked = ""
    if loaded is not None:
        known, unchecked = await _known(choice, opener)
        if known is not None:
            issues += against_models(loaded, *known)[1]
    tell_issues(issues)
    if unchecked:
        say(f"not checked: what the models can do ({unchecked})")
    exit_ = Exit.UNUSABLE if faulty(issues) else Exit.FINE
    if exit_ is Exit.FINE:
        say(f"{task}: nothing stands against running it")
    if as_json:
        put_json(
            {
                "exit_code": int(exit_),
                "capabilities_checked": loaded is not None and not unchecked,
                "issues": [_as_json(issue) for issue in issues],
            }
        )
    return exit_


def loaded_task(task: Path, models_file: Path | None) -> Found:
    """The task of these files, and what is to be said of them and of its data."""
    loaded, issues = load_task(task, models_file=models_file)
    if loaded is None:
        return None, issues
    try:
        rows, faults, more = looked_at(loaded.plan.data)
    except SourceError as error:
        return loaded, [*issues, Issue(code="data", message=str(error))]
    issues += faults
    if more:
        message = f"the first {len(rows):,} records were looked at; there are more"
        issues.append(Issue(code="data", message=message, severity="note"))
    if isinstance(loaded.plan.data, Blank):
        rows = [{}]
    loaded = replace(loaded, sample=rows)
    return loaded, [*issues, *check_data(loaded, rows)] if rows else issues


def against_models(loaded: LoadedTask, specs: Mapping[str, ModelSpec], validations: Mapping[str, Validation]) -> Found:
    """*loaded* with its models' names as the gateway has them, and what it asks that the gateway refuses."""
    if not specs:
        return loaded, []
    known, issues = with_known_models(loaded, specs)
    today = datetime.now(tz=UTC).date()
    return known, [*issues, *check_capabilities(known or loaded, specs, today=today, validations=validations)]


def faulty(issues: Sequence[Issue]) -> bool:
    return any(issue.severity == "error" for issue in issues)


def tell_issues(issues: Sequence[Issue]) -> None:
    for issue in issues:
        say(issue.render())


async def _known(
    choice: GatewayChoice, opener: Opener | None
) -> tuple[tuple[Mapping[str, ModelSpec], Mapping[str, Validation]] | None, str]:
    try:
        async with open_client(choice, opener=opener, announced=False) as client:
            return (await client.models(), await client.validations()), ""
    except ImageError as error:
        return None, error.message
    except GiveUpError as error:
        if error.exit is not Exit.NO_GATEWAY:
            raise
        return None, error.message


def _as_json(issue: Issue) -> JsonValue:
    return {
        "severity": issue.severity,
        "code": issue.code,
        "message": issue.message,
        "file": None if issue.file is None else str(issue.file),
        "line": issue.line,
        "column": issue.column,
        "hint": issue.hint,
    }
