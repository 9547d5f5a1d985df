"""The dashboards' JSON against Grafana's own types, by the TypeScript compiler."""

import subprocess
from pathlib import Path

import pytest

from node_client import require_node_client

DASHBOARDS = Path(__file__).parents[2] / "helm/imageway/files/dashboards"
OPTIONS = ["--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--moduleResolution", "nodenext"]


def compiled(folder: Path, dashboard: str) -> tuple[int, str]:
    modules = require_node_client() / "node_modules"
    (folder / "node_modules").symlink_to(modules)
    head = "import type { Dashboard } from '@grafana/schema';\nexport const dashboard: Dashboard = "
    (folder / "dashboard.ts").write_text(f"{head}{dashboard};\n")
    command = [str(modules / ".bin/tsc"), *OPTIONS, "dashboard.ts"]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return ran.returncode, ran.stdout


@pytest.mark.parametrize("name", ["operation", "cost"])
def test_a_dashboard_has_grafanas_types(tmp_path: Path, name: str) -> None:
    assert compiled(tmp_path, (DASHBOARDS / f"{name}.json").read_text()) == (0, "")


def test_a_wrong_type_is_found(tmp_path: Path) -> None:
    text = (DASHBOARDS / "cost.json").read_text().replace('"title": "Spent"', '"title": 5')

    code, told = compiled(tmp_path, text)

    assert (code != 0, "Type 'number' is not assignable to type 'string'" in told) == (True, True)
