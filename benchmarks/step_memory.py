"""Peak memory of a private step against an ordinary one: a fresh process for each."""

from __future__ import annotations

import os
import subprocess
import sys

from benchmarks.networks import CASES

SHOWN = ("ordinary", "bookkeeping, secure noise", "opacus", "opacus-ghost")


def measure() -> list[dict[str, object]]:
    """One row per network: peak of the third step above what stood before the network, in MiB."""
    return [_case(number, case.name) for number, case in enumerate(CASES)]


def _case(number: int, name: str) -> dict[str, object]:
    peaks = {way: _peak(number, way) for way in SHOWN}
    ordinary = peaks["ordinary"]
    assert ordinary is not None
    row: dict[str, object] = {"network": name, "ordinary (MiB)": round(ordinary)}
    for way in SHOWN[1:]:
        peak = peaks[way]
        row[f"{way} / ordinary"] = "refused" if peak is None else round(peak / ordinary, 2)
    return row


def _peak(number: int, way: str) -> float | None:
    """The peak of one way; ``None`` where the engine refuses the network."""
    # A fixed threshold: otherwise glibc moves it, and with it what counts as handed back.
    alone = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536", "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks.step_memory", str(number), way],
        capture_output=True, text=True, env=alone, check=False,
    )  # fmt: skip
    return float(ended.stdout.split()[-1]) if ended.returncode == 0 else None


def _alone(number: int, way: str) -> float:
    import psutil
    import torch

    from benchmarks.networks import step_of
    from workbench.training.footprint import forget_peak, peak_mib

    torch.set_num_threads(1)
    before = psutil.Process().memory_info().rss / 2**20
    step = step_of(CASES[number], way)
    step()
    step()
    forget_peak()
    step()
    return peak_mib() - before


if __name__ == "__main__":
    print(_alone(int(sys.argv[1]), sys.argv[2]))
