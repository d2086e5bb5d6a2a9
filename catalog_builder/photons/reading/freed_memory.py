"""Returns freed memory to the system."""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress


def give_back_memory() -> None:
    """Return freed memory to the system: glibc keeps up to 100 MB for the threads that read."""
    if sys.platform == "linux":
        # Another C library has no such function.
        with suppress(AttributeError, OSError):
            ctypes.CDLL(None).malloc_trim(0)
