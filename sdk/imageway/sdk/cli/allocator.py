"""How the C library treats pictures that come and go with every record."""

import ctypes
import sys

__all__ = ("keep_freed_memory",)

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_LARGEST_FROM_HEAP = 32 << 20
_KEPT_BYTES = 64 << 20


def keep_freed_memory() -> None:
    """Have up to 64 MB of freed memory stay with this process instead of going back to the system at once.

    For the command only: a library has no say in how its program's memory is kept. By default glibc maps each picture's
    bytes anew, and the kernel hands every page out zeroed. Other C libraries are left as they are.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGEST_FROM_HEAP)
        mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
