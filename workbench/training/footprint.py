"""How much memory this process held at most."""

from __future__ import annotations

from pathlib import Path

import psutil

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def forget_peak() -> None:
    """Begin a new measurement; where the system does not offer that, nothing happens."""
    try:
        _CLEAR.write_text("5")
    except OSError:
        pass


def peak_mib() -> float:
    """The most resident memory since :func:`forget_peak`, in MiB; without /proc, what is held now."""
    try:
        lines = _STATUS.read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024
    except (OSError, StopIteration):
        return psutil.Process().memory_info().rss / 2**20
