from pathlib import Path
from typing import Any

import pytest

from imageway.sdk.cli.ending import exit_of, read_fail_on
from imageway.sdk.cli.talk import Exit, GiveUpError
from imageway.sdk.pipeline.events import RunSummary


def _summary(**fields: Any) -> RunSummary:
    counts = {"total": 100, "succeeded": 100, "failed": 0, "unfinished": 0, "pictures": 0}
    return RunSummary(**{**counts, **fields}, output=Path("o"), errors=None)


@pytest.mark.parametrize(
    ("fail_on", "failed", "exit_"),
    [
        ("any", 0, Exit.FINE),
        ("any", 1, Exit.SOME_FAILED),
        ("none", 100, Exit.FINE),
        ("5%", 5, Exit.FINE),
        ("5%", 6, Exit.SOME_FAILED),
        ("0.5%", 1, Exit.SOME_FAILED),
        ("0%", 1, Exit.SOME_FAILED),
        ("100%", 100, Exit.FINE),
    ],
)
def test_from_when_on_failures_count(fail_on: str, failed: int, exit_: Exit) -> None:
    assert exit_of(_summary(failed=failed), read_fail_on(fail_on), terminated=False) is exit_


@pytest.mark.parametrize(
    ("stopped", "terminated", "exit_"),
    [
        ("interrupted", False, Exit.INTERRUPTED),
        ("interrupted", True, Exit.TERMINATED),
        ("unreachable", False, Exit.NO_GATEWAY),
        ("unauthorised", False, Exit.NO_GATEWAY),
        ("storage", False, Exit.SOME_FAILED),
        ("data", False, Exit.UNUSABLE),
        (None, False, Exit.SOME_FAILED),
    ],
)
def test_a_run_that_is_not_through_is_never_fine(stopped: Any, terminated: bool, exit_: Exit) -> None:
    summary = _summary(unfinished=1, stopped=stopped)

    assert exit_of(summary, read_fail_on("none"), terminated=terminated) is exit_


@pytest.mark.parametrize("text", ["5", "101%", "-1%", "all", ""])
def test_other_words_are_refused(text: str) -> None:
    with pytest.raises(GiveUpError, match="--fail-on is any, none or a share such as 5%, but it is") as refused:
        read_fail_on(text)

    assert refused.value.exit is Exit.UNUSABLE
