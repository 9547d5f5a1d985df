"""How targets are shared and left alone, in the configuration: what it comes to, and every fault with its place."""

import json
from pathlib import Path

import pytest

from gateway_log import Log
from imageway.gateway.assembly import assemble
from imageway.gateway.notices import log_notices
from imageway.gateway.settings import SettingsError, load_settings
from imageway.gateway.telemetry.logs import logger
from imageway.providers.registry import Registry, utc_today
from imageway.providers.traffic_rules import BreakerRules, RetryRules, TargetLimits

HEAD = "providers: [{name: a, type: sketch}]\nmodels:\n  - name: gpt-image-2\n"


def registry(folder: Path, text: str) -> Registry:
    (folder / "gateway.yaml").write_text(HEAD + text)
    return assemble(load_settings(folder / "gateway.yaml")).registry


def test_left_out_targets_are_in_order_and_share_nothing(tmp_path: Path) -> None:
    model = registry(tmp_path, "    targets: [{provider: a, model: x}, {provider: a, model: y}]\n").model("gpt-image-2")

    assert [(each.upstream_model, each.priority, each.weight) for each in model.targets] == [("x", 1, 1), ("y", 2, 1)]
    assert {each.limits for each in model.targets} == {TargetLimits()}
    assert (model.retry, model.targets[0].breaker) == (RetryRules(), BreakerRules())


def test_what_is_said_is_what_there_is(tmp_path: Path) -> None:
    text = """\
    retries: 0
    retry_wait_s: 1.5
    may_pay_twice: true
    breaker: {failures: 2}
    targets:
      - {provider: a, model: x}
      - {provider: a, model: y, priority: 1, weight: 3, max_in_flight: 4, requests_per_minute: 5, images_per_minute: 6}
      - {provider: a, model: z, priority: 1, breaker: {open_s: 1}}
      - {provider: a, model: last, priority: 9}
      - {provider: a, model: fifth}
"""

    model = registry(tmp_path, text).model("gpt-image-2")

    assert [(each.upstream_model, each.priority, each.weight) for each in model.targets] == [
        ("x", 1, 1),
        ("y", 1, 3),
        ("z", 1, 1),
        ("fifth", 5, 1),
        ("last", 9, 1),
    ]
    assert model.targets[1].limits == TargetLimits(max_in_flight=4, requests_per_minute=5, images_per_minute=6)
    assert [each.breaker for each in model.targets[1:3]] == [BreakerRules(failures=2), BreakerRules(open_s=1)]
    assert model.retry == RetryRules(retries=0, wait_s=1.5, may_pay_twice=True)


@pytest.mark.parametrize(
    ("line", "places"),
    [
        ("    retries: -1\n", ["4:14"]),
        ("    retries: 11\n", ["4:14"]),
        ("    may_pay_twice: perhaps\n", ["4:20"]),
        ("    breaker: {failures: 0, share: 1.1}\n", ["4:25", "4:35"]),
        ("    breaker: {fails: 3}\n", ["4:15"]),
        ("    breaker: {open_s: 60, longest_open_s: 59}\n", ["4:43"]),
    ],
)
def test_faults_of_a_model_are_told_with_their_place(tmp_path: Path, line: str, places: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        registry(tmp_path, line + "    targets: [{provider: a, model: x}]\n")

    assert [f"{issue.line}:{issue.column}" for issue in caught.value.issues] == places


@pytest.mark.parametrize(
    "key", ["priority: 0", "priority: 1001", "weight: 0", "max_in_flight: 0", "images_per_minute: -1", "queue: 3"]
)
def test_faults_of_a_target_are_told_with_their_place(tmp_path: Path, key: str) -> None:
    with pytest.raises(SettingsError) as caught:
        registry(tmp_path, f"    targets:\n      - {{{key}, provider: a, model: x}}\n")

    [issue] = caught.value.issues
    assert (issue.line, issue.column) == (5, 10 if key == "queue: 3" else 10 + key.index(" ") + 1)
    assert key.partition(":")[0] in issue.message


def test_a_model_that_may_be_paid_for_twice_is_told_at_start(tmp_path: Path) -> None:
    log = Log()

    log_notices(
        logger(log),
        registry(tmp_path, "    may_pay_twice: true\n    targets: [{provider: a, model: x}]\n"),
        utc_today(),
    )

    [line] = map(json.loads, log.getvalue().splitlines())
    assert (line["event"], line["level"], line["model"]) == ("model.may_pay_twice", "warning", "gpt-image-2")
