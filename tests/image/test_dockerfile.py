"""What can be told of the Dockerfile without building it; `make image-test` builds and runs it."""

import re
import subprocess
import tomllib
from pathlib import Path

from components import require

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def test_hadolint_has_nothing_to_say_of_it() -> None:
    told = subprocess.run([require("hadolint"), ROOT / "Dockerfile"], capture_output=True, text=True, check=False)

    assert (told.returncode, told.stdout) == (0, "")


def test_shellcheck_has_nothing_to_say_of_the_scripts() -> None:
    scripts = sorted([*ROOT.glob("tests/image/*.sh"), *ROOT.glob("tests/cluster/*.sh")])
    told = subprocess.run(
        [require("shellcheck"), "-x", *scripts], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (told.returncode, told.stdout) == (0, "")


def test_what_it_copies_is_there_and_not_ignored() -> None:
    copied = {name for line in re.findall(r"^COPY (?!--)(.+) \S+$", DOCKERFILE, re.MULTILINE) for name in line.split()}
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}

    assert copied == kept
    assert all((ROOT / name).exists() for name in copied)


def test_it_installs_all_that_a_gateway_can_use() -> None:
    named = re.search(r"extras = \((.+?)\)", DOCKERFILE)
    offered = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]

    assert named is not None
    extras = ",".join(re.findall(r"'([\w-]+)'", named[1]))
    assert offered["all"] == [f"imageway[{extras}]"]
