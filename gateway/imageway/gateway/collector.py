"""Python's search for garbage that refers to itself, of which a start makes none."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ("nothing_collected",)


@contextmanager
def nothing_collected() -> Iterator[None]:
    """The time of loading what stays: nothing is searched for meanwhile, nor among it ever after.

    Libraries and the catalogue are some hundred thousand objects. To look through them again and again was a sixth of a
    start's CPU time, and once in a while all calls would stand still for 80 ms.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
