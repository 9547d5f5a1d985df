"""The shape of the distribution: floors, the namespace, and what an import costs."""

import json
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [ROOT / "gateway", ROOT / "sdk", ROOT / "providers"]
HEAVY = {
    "litestar",
    "openai",
    "azure",
    "pydantic",
    "PIL",
    "datasets",
    "pyarrow",
    "numpy",
    "aiohttp",
    "structlog",
}


def loaded_by(statement: str) -> set[str]:
    """The top-level modules in a fresh interpreter after *statement*."""
    program = f"import json, sys\n{statement}\nprint(json.dumps([name.partition('.')[0] for name in sys.modules]))"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(json.loads(ran.stdout))


def test_imageway_is_a_namespace_without_an_init() -> None:
    assert [path for source in SOURCES for path in source.glob("imageway/__init__.py")] == []
    assert all((source / "imageway").is_dir() for source in SOURCES)


def test_no_module_outgrows_400_lines() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for source in SOURCES
        for path in source.rglob("*.py")
    }

    assert {path: length for path, length in lengths.items() if length > 400} == {}


def test_importing_the_sdk_loads_nothing_heavy() -> None:
    assert loaded_by("import imageway.sdk") & (HEAVY | {"httpx", "yaml", "cyclopts", "rich"}) == set()
    assert loaded_by("from imageway.sdk import Client, AsyncClient") & HEAVY == set()


def test_importing_the_providers_package_loads_no_vendor_library() -> None:
    statement = "import imageway.providers.openai, imageway.providers.azure, imageway.providers.sketch"

    assert loaded_by(statement) & {"openai", "azure", "PIL"} == set()


@pytest.mark.parametrize("flag", ["--help", "--version"])
def test_the_command_answers_without_a_server_or_a_vendor(flag: str) -> None:
    program = f"from imageway.sdk.cli import main\ntry:\n    main([{flag!r}])\nexcept SystemExit:\n    pass"
    ran = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport sys\nprint(*sys.modules, file=sys.stderr)"],
        capture_output=True,
        text=True,
        check=True,
    )

    loaded = {name.partition(".")[0] for name in ran.stderr.splitlines()[-1].split()}
    assert loaded & {"litestar", "openai", "azure", "PIL", "pydantic", "structlog"} == set()


def test_entry_points_lead_somewhere() -> None:
    groups = ("imageway.providers", "imageway.embedded")
    entries = [entry for group in groups for entry in entry_points(group=group)]

    assert sorted(entry.name for entry in entries) == ["azure", "gateway", "openai", "sketch"]
    assert all(entry.load() is not None for entry in entries)
