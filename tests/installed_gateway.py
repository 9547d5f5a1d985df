"""A package built and installed beside the gateway without a network, and the gateway as a process that finds it."""

import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

_BUILD = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
_COMMAND = "import sys; from imageway.gateway.__main__ import main; sys.exit(main())"


def built_wheel(project: Path, folder: Path) -> Path:
    """What `pip wheel` makes of *project*, by the backend that its pyproject.toml names."""
    command = [sys.executable, "-c", _BUILD, str(folder)]
    built = subprocess.run(command, cwd=project, capture_output=True, text=True, check=True)
    return folder / built.stdout.split()[-1]


def environment_with(wheel: Path, site: Path, **variables: str) -> dict[str, str]:
    """The variables of a Python in which *wheel* is installed, in *site*: a pure wheel is installed by unpacking."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    return {**os.environ, "PYTHONPATH": str(site), **variables}


def check(
    config: str, environment: Mapping[str, str] = os.environ, *, folder: Path, before: str = ""
) -> tuple[int, str]:
    """`imageway-gateway check --config CONFIG` in *folder*: how it ended, and what it said. *before* is run first."""
    command = [sys.executable, "-c", f"{before}\n{_COMMAND}", "check", "--config", config]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment, check=False)
    return ran.returncode, ran.stderr


@contextmanager
def gateway_process(config: Path | None, environment: Mapping[str, str]) -> Iterator[str]:
    """The URL of `imageway-gateway --config CONFIG`, or of one without, on a free port, as long as the block lasts."""
    configured = [] if config is None else ["--config", str(config)]
    process = subprocess.Popen(
        [sys.executable, "-m", "imageway.gateway", *configured, "--port", "0"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert process.stderr is not None
    try:
        line = process.stderr.readline()
        assert line.startswith("imageway-gateway listens on http://127.0.0.1:"), line
        yield line.split()[-1]
    finally:
        process.terminate()
        process.communicate(timeout=20)
