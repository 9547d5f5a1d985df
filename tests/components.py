"""Programs that some tests need and Python can't install."""

import os
import shutil

import pytest

import deployment_tools

_PACKAGES = {
    "chromium": "chromium",
    "prometheus": "prometheus",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "promtool": "prometheus",
    "redis-server": "redis-server",
}
"""Debian's packages by program; the others come from `deployment_tools`."""


def require(name: str) -> str:
    """The path of the program *name*; skips the test where it is missing, or fails it where nothing may be skipped."""
    path = shutil.which(name, path=str(deployment_tools.folder())) or shutil.which(name)
    if path is not None:
        return path
    how = f"apt-get install {_PACKAGES[name]}" if name in _PACKAGES else "python tests/deployment_tools.py"
    reason = f"{name} is not installed: {how}"
    if os.environ.get("IMAGEWAY_REQUIRE_COMPONENTS") == "1":
        pytest.fail(f"{reason} (IMAGEWAY_REQUIRE_COMPONENTS=1 allows no skips)")
    pytest.skip(reason)
