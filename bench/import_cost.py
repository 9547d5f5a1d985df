"""CPU seconds of a fresh interpreter: bare, with the SDK imported, with its clients loaded, and of the command's help.

    python bench/import_cost.py [RUNS]

User and system time of whole processes, taken in turn so that a noisy machine is noisy for all; minimum and median.
"""

import resource
import statistics
import subprocess
import sys
from pathlib import Path

COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "import imageway.sdk": [sys.executable, "-c", "import imageway.sdk"],
    "from imageway.sdk import Client": [sys.executable, "-c", "from imageway.sdk import Client"],
    "imageway --version": [str(Path(sys.executable).with_name("imageway")), "--version"],
    "imageway --help": [str(Path(sys.executable).with_name("imageway")), "--help"],
}


def cpu_s(command: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main(runs: int) -> None:
    spent: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(runs):
        for name, command in COMMANDS.items():
            spent[name].append(cpu_s(command))
    for name, seconds in spent.items():
        print(f"{name:34} min {min(seconds):.3f} s   median {statistics.median(seconds):.3f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
