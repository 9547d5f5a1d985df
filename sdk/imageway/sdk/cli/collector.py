"""Python's search for garbage that refers to itself, of which loading a command makes none."""

import gc

__all__ = ("collect_from_here", "collect_nothing_yet")


def collect_nothing_yet() -> None:
    """For the command only, as the process begins: a library has no say in its program's garbage."""
    gc.disable()


def collect_from_here() -> None:
    """All is loaded: what is there by now is never searched. Nothing is changed where the search was on."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
