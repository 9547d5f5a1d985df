"""When the command's process begins to search for garbage."""

import subprocess
import sys

import pytest

PROGRAM = """
import gc, sys
from imageway.sdk.cli import main
sys.argv = ["imageway", "models"]
main({arguments})
print(gc.isenabled(), gc.get_freeze_count() > 10_000)
"""


@pytest.mark.parametrize(
    ("arguments", "found"),
    [("", "True True"), ('["models"]', "True False")],
    ids=["the command", "a program that calls it"],
)
def test_what_was_loaded_is_left_out_of_the_search_in_a_process_of_ones_own(arguments: str, found: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(arguments=arguments)], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == found
