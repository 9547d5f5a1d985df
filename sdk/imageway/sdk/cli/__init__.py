"""The command `imageway`. stdout is data, stderr is talk."""

import sys

__all__ = ("main",)


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code; see `Exit`."""
    tokens = sys.argv[1:] if arguments is None else arguments
    if tokens in (["--version"], ["-V"]):
        from imageway.contract.version import __version__

        sys.stdout.write(f"imageway {__version__}\n")
        return 0
    from imageway.sdk.cli.app import run_app

    return run_app(tokens)
