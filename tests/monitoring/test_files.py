"""The chart's rules and dashboards as files: rules by promtool, dashboards as their script writes them."""

import json
import re
import subprocess
import sys
from pathlib import Path

import yaml

from components import require

ROOT = Path(__file__).parents[2]
FILES = ROOT / "helm/imageway/files"
METRIC = re.compile(r"\bimageway_\w+")


def documented() -> set[str]:
    return set(re.findall(r"^\| `(imageway_\w+)`", (ROOT / "docs/metrics.md").read_text(), flags=re.MULTILINE))


def test_every_rule_passes_its_unit_tests() -> None:
    tests = Path(__file__).parent / "rules_test.yaml"
    ran = subprocess.run(
        [require("promtool"), "test", "rules", str(tests)], capture_output=True, text=True, check=False
    )

    assert (ran.returncode, "SUCCESS" in ran.stdout) == (0, True), ran.stdout + ran.stderr


def test_every_alert_has_unit_tests_for_firing_and_for_silence() -> None:
    rules = yaml.safe_load((FILES / "rules/alerts.yaml").read_text())["groups"][0]["rules"]
    tests = yaml.safe_load((Path(__file__).parent / "rules_test.yaml").read_text())["tests"]
    tried = {(case["alertname"], bool(case["exp_alerts"])) for test in tests for case in test["alert_rule_test"]}

    assert tried == {(rule["alert"], fires) for rule in rules for fires in (True, False)}


def test_every_alert_is_explained() -> None:
    rules = yaml.safe_load((FILES / "rules/alerts.yaml").read_text())["groups"][0]["rules"]
    headings = re.findall(r"^## (Imageway\w+)$", (ROOT / "docs/alerts.md").read_text(), flags=re.MULTILINE)

    assert headings == [rule["alert"] for rule in rules]


def test_the_dashboards_are_what_their_script_writes(tmp_path: Path) -> None:
    script = ROOT / "helm/dashboards/generate.py"
    subprocess.run([sys.executable, str(script), str(tmp_path)], check=True)

    written = {file.name: file.read_text() for file in tmp_path.iterdir()}
    assert written == {file.name: file.read_text() for file in (FILES / "dashboards").iterdir()}


def test_dashboards_and_rules_name_metrics_that_there_are() -> None:
    ending = re.compile(r"_(bucket|sum|count)$")
    texts = [file.read_text() for folder in ("rules", "dashboards") for file in (FILES / folder).iterdir()]
    named = {ending.sub("", name) for text in texts for name in METRIC.findall(text)}

    assert named <= documented()


def test_every_metric_stands_on_a_dashboard_or_in_an_alert() -> None:
    texts = "".join(file.read_text() for folder in ("rules", "dashboards") for file in (FILES / folder).iterdir())

    assert {name for name in documented() if name not in texts} == {"imageway_late_calls_total"}


def test_panels_have_their_places() -> None:
    for file in (FILES / "dashboards").iterdir():
        taken: set[tuple[int, int]] = set()
        for panel in json.loads(file.read_text())["panels"]:
            place = panel["gridPos"]
            assert place["x"] + place["w"] <= 24
            cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
            assert not cells & taken, panel["title"]
            taken |= cells
