"""What several trainings on the same data cost together."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from workbench.accounting.convolution import epsilon_of
from workbench.accounting.gaussian import gaussian_epsilon
from workbench.accounting.losses import losses_of
from workbench.accounting.mechanism import Mechanism
from workbench.accounting.mixture import Mixture, mixture_of
from workbench.accounting.aim import aims_of

FINE = 1e-4
"""Grid of reported values: the privacy loss is rounded up to multiples of this."""

_POINTS_TIMES_GRID = 160.0
_RESOLUTION = 1 / 200
_TAIL = 1e-7

Part = tuple[float, float, int, int]

def composed_epsilon(mechanisms: Sequence[Mechanism], delta: float, *, grid: float = FINE) -> float:
    steps: Counter[tuple[float, float, int]] = Counter()
    for each in mechanisms:
        steps[(each.noise_multiplier, each.sample_rate, each.group)] += each.steps
    return _composed(tuple(sorted((*key, count) for key, count in steps.items() if count)), delta, grid)


@lru_cache(maxsize=256)
def _composed(parts: tuple[Part, ...], delta: float, grid: float) -> float:
    if any(noise == 0 for noise, *_ in parts):
        return math.inf
    always = gaussian_epsilon(_total(parts), 1, delta) if parts else 0.0
    if all(rate == 1 for _, rate, _, _ in parts):
        return always
    return min(always, _on_grid(parts, delta, grid))

def _total(parts):
    return 1 / math.sqrt(sum(n * (group / noise) ** 2 for noise, _, group, n in parts))


def _on_grid(parts, delta, grid) -> float:
    tail = 2.0 ** math.floor(math.log2(_TAIL * delta / sum(n for *_, n in parts)))
    always = [part for part in parts if part[1] == 1]
    mixtures = [(mixture_of(noise, rate, group, tail if group > 1 else 0.0), n) for noise, rate, group, n in parts if rate < 1]
    if always:
        mixtures.append((mixture_of(_total(always), 1.0, 1, 0.0), 1))
    spare = _TAIL * delta
    h = _grid(mixtures, aims_of(mixtures, delta, tail, spare, 0.0), grid, tail)
    aims = aims_of(mixtures, delta, tail, spare, h)
    losses = [(losses_of(m, h, tail), n) for m, n in mixtures]
    return max(epsilon_of([(both[way], n) for both, n in losses], aims[way], delta) for way in (0, 1))

def _grid(mixtures, aims, grid, tail):
    points = _POINTS_TIMES_GRID / grid
    n = sum(n for _, n in mixtures)
    want = min(grid, _RESOLUTION * math.sqrt(max(o.variance for o in aims) / n))
    need = max([o.length for o in aims])
    import numpy as np
    for m, _ in mixtures:
        lo, hi = m.loss(np.array(m.ends(tail)))
        need = max(need, hi - lo)
    need /= points
    k = max(math.floor(math.log2(want / FINE)), math.ceil(math.log2(need / FINE)))
    return FINE * 2.0 ** k
