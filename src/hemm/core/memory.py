"""Memory that was freed, given back to the system."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import lru_cache
from typing import Any


def trim() -> None:
    """Have glibc give back what was freed, which it keeps otherwise between blocks that are in use; elsewhere
    nothing is done. It takes some milliseconds: for once in tens of thousands of answers."""
    if (give_back := _malloc_trim()) is not None:
        give_back(0)


@lru_cache(maxsize=1)
def _malloc_trim() -> Callable[[int], Any] | None:
    import ctypes

    if sys.platform != "linux":
        return None
    try:
        found: Callable[[int], Any] = ctypes.CDLL("libc.so.6").malloc_trim
    except (OSError, AttributeError):  # another C library
        return None
    return found
