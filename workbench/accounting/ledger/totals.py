"""What charges come to together, per patient."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

from workbench.accounting.mechanism import Mechanism

GRID = 1e-3
"""Grid of the totals shown: an upper bound, well within a hundredth of the fine one."""

FINE = 1e-4
"""Grid where a hundredth decides whether a run may start."""


def total(mechanisms: Iterable[Mechanism], delta: float, *, grid: float = GRID) -> float:
    """Epsilon of all of them composed by privacy loss distributions, never below the truth.

    Args:
        mechanisms: of runs that saw the same patients.
        delta: in (0, 1).
        grid: of the privacy loss; see ``composition.composed_epsilon``.
    """
    steps: Counter[tuple[float, float, int]] = Counter()
    for one in mechanisms:
        steps[one.noise_multiplier, one.sample_rate, one.group] += one.steps
    merged = tuple(
        Mechanism(noise_multiplier=noise, sample_rate=rate, steps=count, group=group)
        for (noise, rate, group), count in sorted(steps.items())
        if count
    )
    if not merged:
        return 0.0
    return math.inf if merged[0].noise_multiplier == 0 else _composed(merged, delta, grid)


@lru_cache(maxsize=4096)
def _composed(mechanisms: tuple[Mechanism, ...], delta: float, grid: float) -> float:
    # Imported here: writing down a charge where no budget is set needs no accountant.
    from workbench.accounting.composition import composed_epsilon

    return composed_epsilon(mechanisms, delta, grid=grid)
