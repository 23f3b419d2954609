"""Epsilon all around a plan: over steps and noise multiplier, at its sample rate and delta."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np

from workbench.accounting.planner import MOST_STEPS, Plan
from workbench.accounting.planner_solve import NotWanted
from workbench.accounting.pld import COARSE, epsilon_for_drawing

_NOISES: Final = 11
_STEPS: Final = 10
_MORE_STEPS: Final = 10.0
_MORE_NOISE: Final = 3.0
"""Factors from the plan to every edge, at least."""


class EpsilonMap(NamedTuple):
    """Epsilon over steps and noise, upper bounds on a coarse grid.

    Attributes:
        steps: ``(N,)`` int, ascending, about evenly spaced on a log axis.
        noises: ``(M,)`` float, noise multipliers, ascending, evenly spaced on a log axis.
        epsilons: ``(M, N)`` float, >= 0.
        sample_rate, delta: that they hold for.
    """

    steps: np.ndarray
    noises: np.ndarray
    epsilons: np.ndarray
    sample_rate: float
    delta: float


def epsilon_map(plan: Plan, *, wanted: Callable[[], bool] = lambda: True) -> EpsilonMap:
    """Compute the surroundings of a plan; half a second, or nothing for a plan near the last one.

    Args:
        plan: somewhere in the middle; the window moves by decades of steps and octaves of noise.
        wanted: asked between rows; ``False`` gives up.

    Raises:
        NotWanted: ``wanted`` has said so.
    """
    steps, noises = _counts(plan.steps), _noises(plan.noise_multiplier)
    rows = []
    for noise in noises.tolist():
        if not wanted():
            raise NotWanted
        rows.append(_row(noise, tuple(steps.tolist()), plan.sample_rate, plan.delta))
    return EpsilonMap(steps, noises, np.array(rows), plan.sample_rate, plan.delta)


@lru_cache(maxsize=512)
def _row(noise: float, steps: tuple[int, ...], rate: float, delta: float) -> tuple[float, ...]:
    return tuple(
        epsilon_for_drawing(
            noise_multiplier=noise, sample_rate=rate, steps=count, delta=delta, grid=COARSE
        )
        for count in steps
    )


def _counts(steps: int) -> np.ndarray:
    low = max(0, math.floor(math.log10(steps / _MORE_STEPS)))
    high = min(math.log10(MOST_STEPS), max(low + 1, math.ceil(math.log10(steps * _MORE_STEPS))))
    return np.unique(np.round(np.logspace(low, high, _STEPS)).astype(int))


def _noises(noise: float) -> np.ndarray:
    low = math.floor(math.log2(noise / _MORE_NOISE))
    high = math.ceil(math.log2(noise * _MORE_NOISE))
    return np.logspace(low, high, _NOISES, base=2.0)
