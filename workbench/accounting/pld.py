"""The accountant of record: privacy loss distributions of the Poisson-subsampled Gaussian.

All numbers come from Google's dp-accounting (pessimistic, connect the dots), add-or-remove-one
adjacency. At sampling rate 1 the exact closed form takes its place.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

from dp_accounting.pld.privacy_loss_distribution import (
    PrivacyLossDistribution,
    from_gaussian_mechanism,
)
from scipy.optimize import brentq

from workbench.accounting.gaussian import gaussian_epsilon, gaussian_noise_multiplier
from workbench.errors import BadInput

FINE = 1e-4
"""Grid of reported values: the privacy loss is rounded up to multiples of this."""

COARSE = 1e-2
"""Grid of values for drawing; still an upper bound, up to a tenth above the fine one."""

_FINE_POINTS, _COARSE_POINTS = 2e6, 2e5
"""Where epsilon is so large that a grid would need more points than this, the grid is widened."""

_WIDEST = 100.0
"""A grid wider than this overflows; epsilon is beyond 1e7 there and means nothing anyway."""


def epsilon_spent(
    *, noise_multiplier: float, sample_rate: float, steps: int, delta: float
) -> float:
    """Epsilon after so many steps, on the fine grid: the value to report.

    Args:
        noise_multiplier: standard deviation of the noise over the clipping norm, >= 0.
        sample_rate: probability that a unit takes part in a step, in (0, 1].
        steps: steps counted, >= 0.
        delta: in (0, 1).
    """
    if sample_rate == 1:
        return gaussian_epsilon(noise_multiplier, steps, delta)
    if steps == 0:
        return 0.0
    if noise_multiplier == 0:
        return math.inf
    rough = epsilon_for_drawing(
        noise_multiplier=noise_multiplier, sample_rate=sample_rate, steps=steps, delta=delta
    )
    grid = max(FINE, rough / _FINE_POINTS)
    if grid > _WIDEST:
        return rough
    composed = _one_step(noise_multiplier, sample_rate, grid).self_compose(steps)
    return float(composed.get_epsilon_for_delta(delta))


def epsilon_for_drawing(
    *, noise_multiplier: float, sample_rate: float, steps: int, delta: float, grid: float = COARSE
) -> float:
    """Epsilon on a coarse grid, in milliseconds: an upper bound for curves and sliders."""
    unsampled = gaussian_epsilon(noise_multiplier, steps, delta)
    if sample_rate == 1 or steps == 0 or noise_multiplier == 0:
        return unsampled
    grid = max(grid, unsampled / _COARSE_POINTS)
    if grid > _WIDEST:
        return unsampled  # sampling only helps, so this is still an upper bound
    composed = _one_step(noise_multiplier, sample_rate, grid).self_compose(steps)
    return float(composed.get_epsilon_for_delta(delta))


def noise_for(
    *, target_epsilon: float, sample_rate: float, steps: int, delta: float, exact: bool = True
) -> float:
    """The smallest noise multiplier that keeps ``steps`` steps within ``target_epsilon``.

    Args:
        target_epsilon: > 0.
        sample_rate: in (0, 1].
        steps: >= 1.
        delta: in (0, 1).
        exact: solve on the fine grid (a second or two; within 0.1 % below the target);
            otherwise on the coarse one (a fifth of a second, slightly more noise than needed).

    Raises:
        BadInput: no noise multiplier between 0.01 and 10,000 does.
    """
    if sample_rate == 1:
        return gaussian_noise_multiplier(target_epsilon, steps, delta)

    grid = 1e-3 if exact else COARSE

    def gap(log_noise: float) -> float:
        epsilon = epsilon_for_drawing(
            noise_multiplier=math.exp(log_noise),
            sample_rate=sample_rate,
            steps=steps,
            delta=delta,
            grid=grid,
        )
        return math.log(max(epsilon, 1e-9) / target_epsilon)

    low, high = _bracket(gap, target_epsilon)
    noise = math.exp(float(brentq(gap, low, high, xtol=1e-4)))
    while (
        exact
        and epsilon_spent(noise_multiplier=noise, sample_rate=sample_rate, steps=steps, delta=delta)
        > target_epsilon
    ):
        noise *= 1.0002
    return noise


def _bracket(gap: Callable[[float], float], target_epsilon: float) -> tuple[float, float]:
    """Two log noise multipliers, a factor of e apart, between which epsilon meets the target."""
    low, high = math.log(1e-2), math.log(1e4)
    end = 0.0
    while low <= end <= high:
        side = gap(end)
        if side > 0 >= gap(end + 1):
            return end, end + 1
        end += 1.0 if side > 0 else -1.0
    raise BadInput(
        f"No noise multiplier between 0.01 and 10,000 gives epsilon {target_epsilon:g} for these "
        "steps and this sample rate; choose another epsilon.",
        field="target_epsilon",
    )


@lru_cache(maxsize=64)
def _one_step(noise_multiplier: float, sample_rate: float, grid: float) -> PrivacyLossDistribution:
    return from_gaussian_mechanism(
        noise_multiplier, sampling_prob=sample_rate, value_discretization_interval=grid
    )
