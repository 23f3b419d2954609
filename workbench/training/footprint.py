"""How much memory this process held at most."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import psutil

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def forget_peak() -> None:
    """Begin a new measurement; where the system does not offer that, nothing happens."""
    with suppress(OSError):
        _CLEAR.write_text("5")


def peak_mib() -> float:
    """The most memory held since :func:`forget_peak`, in MiB; without /proc, what is held now."""
    try:
        lines = _STATUS.read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024
    except (OSError, StopIteration):
        return psutil.Process().memory_info().rss / 2**20
