"""Does one unit more ever move the sum by more than the clipping norm?"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from workbench.auditing.exam import Records, Training
from workbench.auditing.finding import Finding
from workbench.auditing.probes.bench import Bench, canary, channels_last, scaled, together

SLACK = 1e-4
"""What rounding in float32 may add to a sensitivity of 1."""
HUGE = 1e3
BEYOND = 1e9
"""Where the scale of distances ends: a result holds finite numbers only."""


def sensitivity(training: Training, bench: Bench) -> tuple[Finding, ...]:
    """Train one noiseless step on all records with and without one unit, and compare the sums.

    The units tried: natural ones, with their own loss, with one a thousand times as large, so
    that every record is clipped, and with channels last in memory; pictures of extremes; a canary
    among natural records; a canary that pulls against another one, without which a clip of the
    whole sum looks harmless.

    Args:
        training: of which the mechanism is in question.
        bench: what exams are made of.

    Returns:
        One finding for each kind of unit; p is 0 where a sum moved by more than the norm.
    """
    kept, others = bench.kept, bench.others
    pair = together(kept, canary(others[0], -1))
    what = "slice" if all(len(other) == 1 for other in others) else "patient"
    cases = {
        "natural": (kept, others, f"a natural {what}"),
        "huge-loss": (
            scaled(kept, HUGE),
            tuple(scaled(other, HUGE) for other in others),
            f"a natural {what} with a loss {HUGE:g} times as large",
        ),
        "extreme": (kept, (_stripes(others[0]), _frame(others[0])), "a picture of extremes"),
        "layout": (
            channels_last(kept),
            tuple(map(channels_last, others)),
            f"a natural {what} laid out with channels last",
        ),
        "canary": (kept, (canary(others[0], 1),), "a canary"),
        "antipodal": (pair, (canary(others[0], 3),), "a canary that pulls against another"),
    }
    return tuple(
        _judged(f"sensitivity-{name}", moved(training, bench, base, more), unit)
        for name, (base, more, unit) in cases.items()
    )


def moved(training: Training, bench: Bench, base: Records, units: tuple[Records, ...]) -> float:
    """How far any one of some units moves the first released sum, in clipping norms.

    Args:
        training: under audit.
        bench: what exams are made of.
        base: records that are there anyway.
        units: each is added to them by itself.

    Returns:
        The largest Euclidean distance; ``BEYOND`` where it is more, or a sum is not finite.
    """
    without = bench.first_sum(training, base)
    distances = [
        _distance(without, bench.first_sum(training, together(base, unit))) for unit in units
    ]
    return max(distances)


def _distance(one: dict[str, Tensor], other: dict[str, Tensor]) -> float:
    squares = torch.stack([(one[name] - other[name]).square().sum() for name in one])
    distance = float(squares.sum().sqrt())
    return distance if distance < BEYOND else BEYOND  # also of what is no number


def _stripes(records: Records) -> Records:
    """A hundred times as bright as white: nothing but clipping bounds what they do."""
    images = torch.zeros_like(records.images)
    images[..., ::2] = 100.0
    return replace(records, images=images)


def _frame(records: Records) -> Records:
    """All light at the border, where padding matters."""
    images = torch.ones_like(records.images)
    images[..., 3:-3, 3:-3] = 0.0
    return replace(records, images=images)


def in_norms(distance: float) -> str:
    """A distance in words."""
    return f"{distance:.4f} times the clipping norm"


def _judged(test: str, measured: float, unit: str) -> Finding:
    broken = measured > 1 + SLACK
    return Finding(
        test=test,
        room="sensitivity",
        p_value=0.0 if broken else 1.0,
        says=f"{unit[0].upper()}{unit[1:]} moves the sum by {in_norms(measured)}"
        + ("; at most 1 is claimed." if broken else "."),
        measured=measured,
        expected=1.0,
    )
