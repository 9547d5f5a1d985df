"""The command `imageway`. stdout is data, stderr is talk."""

import sys
from io import TextIOWrapper

from imageway.sdk.cli.collector import collect_nothing_yet

__all__ = ("main",)


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code; see `Exit`."""
    tokens = sys.argv[1:] if arguments is None else arguments
    if tokens in (["--version"], ["-V"]):
        from imageway.contract.version import __version__

        sys.stdout.write(f"imageway {__version__}\n")
        return 0
    if arguments is None:
        collect_nothing_yet()
    if sys.stdout is sys.__stdout__ and isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")  # rather told oddly than not at all
    from imageway.sdk.cli.app import run_app

    return run_app(tokens)
