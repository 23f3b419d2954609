"""Keeping freed memory for the next step instead of handing it back to the system."""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4
"""Numbers of glibc's ``mallopt``."""


def keep_freed_memory() -> bool:
    """Let the C library keep large blocks that were freed.

    A training step frees and asks for the same hundreds of megabytes again and again; by default
    glibc returns them to the system each time, and a quarter of a step goes into getting zeroed
    pages back. Where there is no glibc nothing is changed.

    Returns:
        Whether it took effect.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    settings = ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, 2**31 - 1), (_TOP_PAD, 64 << 20))
    return all(mallopt(name, value) == 1 for name, value in settings)


def hand_back() -> None:
    """Give freed memory back to the system once, so that what is held from now on can be seen."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
