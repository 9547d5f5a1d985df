"""Programs that some tests need and Python can't install."""

import os
import shutil

import pytest

_PACKAGES = {"chromium": "chromium", "redis-server": "redis-server"}
"""Debian's packages by program."""


def require(name: str) -> str:
    """The path of the program *name*; skips the test where it is missing, or fails it where nothing may be skipped."""
    path = shutil.which(name)
    if path is not None:
        return path
    reason = f"{name} is not installed: apt-get install {_PACKAGES[name]}"
    if os.environ.get("IMAGEWAY_REQUIRE_COMPONENTS") == "1":
        pytest.fail(f"{reason} (IMAGEWAY_REQUIRE_COMPONENTS=1 allows no skips)")
    pytest.skip(reason)
