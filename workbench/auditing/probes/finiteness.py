"""Does one broken voxel leave the released sum finite, and within the clipping norm?"""

from __future__ import annotations

from dataclasses import replace

from workbench.auditing.exam import Records, Training
from workbench.auditing.finding import Finding
from workbench.auditing.probes.bench import Bench, in_words
from workbench.auditing.probes.sensitivity import BEYOND, SLACK, in_norms, moved


def finiteness(training: Training, bench: Bench) -> tuple[Finding, ...]:
    """Add one unit with a voxel that is no number, and one with an infinite voxel.

    A training that refuses such a unit releases nothing, and passes.

    Args:
        training: of which the mechanism is in question.
        bench: what exams are made of.

    Returns:
        One finding for each; p is 0 where the sum is not finite, or moved by more than the norm.
    """
    return (
        _judged(training, bench, "finite-nan", float("nan"), "that is no number"),
        _judged(training, bench, "finite-infinity", float("inf"), "that is infinite"),
    )


def _judged(training: Training, bench: Bench, test: str, value: float, voxel: str) -> Finding:
    unit = _with_voxel(bench.others[0], value)
    try:
        measured = moved(training, bench, bench.kept, (unit,))
    except Exception as error:  # whatever a person's own training says to such a picture
        return _finding(test, 0.0, f"The training refuses a voxel {voxel}: {in_words(error)}.")
    if measured >= BEYOND:
        return _finding(test, measured, f"One voxel {voxel} makes the released sum not finite.")
    return _finding(test, measured, f"One voxel {voxel} moves the sum by {in_norms(measured)}.")


def _finding(test: str, measured: float, says: str) -> Finding:
    return Finding(
        test=test,
        room="finiteness",
        p_value=0.0 if measured > 1 + SLACK else 1.0,
        says=says,
        measured=measured,
        expected=0.0,
    )


def _with_voxel(records: Records, value: float) -> Records:
    images = records.images.clone()
    images[0, 0, images.shape[2] // 2, images.shape[3] // 2] = value
    return replace(records, images=images)
