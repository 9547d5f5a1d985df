"""Standard output kept for data: what else is written to its descriptor comes out on standard error."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

__all__ = ("kept_for_data",)

_OUT, _ERROR = 1, 2


@contextmanager
def kept_for_data() -> Iterator[None]:
    """The block in which only `sys.stdout` leads to where the command's output goes.

    A task's code may start programs, or libraries that write without Python. Where standard output is no file, as in a
    test or a notebook, nothing is done.
    """
    try:
        if sys.stdout.fileno() != _OUT:
            raise ValueError
        os.fstat(_ERROR)
    except (AttributeError, OSError, ValueError):
        yield
        return
    sys.stdout.flush()
    stream = sys.stdout
    with open(os.dup(_OUT), "w", encoding=stream.encoding, errors=stream.errors) as out:  # noqa: PTH123  # no path
        os.dup2(_ERROR, _OUT)
        try:
            with redirect_stdout(out):
                yield
        finally:
            out.flush()
            os.dup2(out.fileno(), _OUT)
