"""Puts the official Node client and Grafana's types into a cache, as the lock file says, where they are missing.

Needs node 20 or newer, and npm.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_LOCKED = Path(__file__).parent / "node"


def folder() -> Path:
    """Where the client is kept, for this lock file; another one has another place."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    lock = hashlib.sha256((_LOCKED / "package-lock.json").read_bytes()).hexdigest()
    return cache / "imageway-tools" / f"node-{lock[:12]}"


def install() -> None:
    place = folder()
    if (place / "node_modules" / "openai").is_dir():
        return
    place.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(_LOCKED / name, place / name)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run(command, cwd=place, check=True, stdout=sys.stderr)


def require_node_client() -> Path:
    """The folder with the client in it; where it is missing, the test is skipped, or fails where none may be."""
    if shutil.which("node") and (folder() / "node_modules" / "openai").is_dir():
        return folder()
    reason = "node or its openai client is not installed: python tests/node_client.py, with nodejs and npm"
    if os.environ.get("IMAGEWAY_REQUIRE_COMPONENTS") == "1":
        pytest.fail(f"{reason} (IMAGEWAY_REQUIRE_COMPONENTS=1 allows no skips)")
    pytest.skip(reason)


if __name__ == "__main__":
    install()
