"""The accountant of record: privacy loss distributions of the Poisson-subsampled Gaussian.

Add-or-remove-one adjacency. The method is that of Google's dp-accounting (pessimistic, connect the
dots); it is computed anew here because a slider needs an answer in 20 ms and because dp-accounting
fails where epsilon or the number of steps is very large or delta very small. What is reported
is never below what dp-accounting says either. At sampling rate 1 the closed form takes its place.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

from scipy.optimize import brentq

from workbench.accounting.composition import FINE, composed_epsilon
from workbench.accounting.gaussian import gaussian_noise_multiplier
from workbench.accounting.mechanism import Mechanism
from workbench.accounting.reference import reference_epsilon
from workbench.errors import BadInput

REFINED = 1e-3
"""Grid of values that may take a twentieth of a second; a few hundred-thousandths above."""

COARSE = 1e-2
"""Grid of values while a slider moves; still an upper bound, mostly a ten-thousandth above."""

_LEAST_NOISE, _MOST_NOISE = 1e-8, 1e8

_LOG_NOISE = 1e-4
"""How close the logarithm of the noise multiplier is found."""


def epsilon_spent(
    *, noise_multiplier: float, sample_rate: float, steps: int, delta: float
) -> float:
    """Epsilon after so many steps: the value to report.

    The larger one of two computations on the fine grid, ours and dp-accounting's; they differ by
    less than one part in ten thousand.

    Args:
        noise_multiplier: standard deviation of the noise over the clipping norm, >= 0.
        sample_rate: probability that a unit takes part in a step, in (0, 1].
        steps: steps counted, >= 0.
        delta: in (0, 1).
    """
    mechanism = Mechanism(noise_multiplier=noise_multiplier, sample_rate=sample_rate, steps=steps)
    own = composed_epsilon([mechanism], delta)
    return max(own, reference_epsilon(mechanism, delta, own, FINE))


def epsilon_for_drawing(
    *, noise_multiplier: float, sample_rate: float, steps: int, delta: float, grid: float = COARSE
) -> float:
    """Epsilon on a coarser grid, in milliseconds: an upper bound for curves and sliders.

    Args:
        noise_multiplier: standard deviation of the noise over the clipping norm, >= 0.
        sample_rate: probability that a unit takes part in a step, in (0, 1].
        steps: >= 0.
        delta: in (0, 1).
        grid: :data:`COARSE` for a first answer, :data:`REFINED` for a second one.

    Returns:
        An upper bound, too; :func:`epsilon_spent` is the sharper one.
    """
    mechanism = Mechanism(noise_multiplier=noise_multiplier, sample_rate=sample_rate, steps=steps)
    return composed_epsilon([mechanism], delta, grid=grid)


def noise_for(
    *, target_epsilon: float, sample_rate: float, steps: int, delta: float, exact: bool = True
) -> float:
    """The smallest noise multiplier that keeps ``steps`` steps within ``target_epsilon``.

    Args:
        target_epsilon: > 0.
        sample_rate: in (0, 1].
        steps: >= 1.
        delta: in (0, 1).
        exact: solve on the fine grid (some tenths of a second; epsilon ends within 0.1 % below
            the target); otherwise on the coarse one (less than a tenth of a second, slightly more
            noise than needed).

    Raises:
        BadInput: no noise multiplier between 1e-8 and 1e8 does.
    """
    if sample_rate == 1:
        return gaussian_noise_multiplier(target_epsilon, steps, delta)

    def gap(grid: float, log_noise: float) -> float:
        """How far epsilon is above the target, in e-folds."""
        epsilon = epsilon_for_drawing(
            noise_multiplier=math.exp(log_noise),
            sample_rate=sample_rate,
            steps=steps,
            delta=delta,
            grid=grid,
        )
        return math.log(max(epsilon, 1e-300) / target_epsilon)

    found: float | None = math.log(_guess(target_epsilon, sample_rate, steps, delta))
    for grid, step in ((COARSE, 0.05), (REFINED, 1e-3), (FINE, 1e-3))[: 3 if exact else 1]:
        found = None if found is None else _root(partial(gap, grid), found, step)
    if found is None:
        raise BadInput(
            f"No noise multiplier between 1e-8 and 1e8 gives epsilon {target_epsilon:g} for these "
            "steps and this sample rate; choose another epsilon.",
            field="target_epsilon",
        )
    noise = math.exp(found)
    while exact and _reported(noise, sample_rate, steps, delta) > target_epsilon:
        noise *= 1 + _LOG_NOISE
    return noise


def _reported(noise: float, sample_rate: float, steps: int, delta: float) -> float:
    return epsilon_spent(noise_multiplier=noise, sample_rate=sample_rate, steps=steps, delta=delta)


def _guess(target_epsilon: float, sample_rate: float, steps: int, delta: float) -> float:
    """About the noise: by the central limit theorem, or as if all draws were at full batch."""
    mu = 1 / gaussian_noise_multiplier(target_epsilon, 1, delta)
    limit = 1 / math.sqrt(math.log1p((mu / sample_rate) ** 2 / steps))
    drawn = math.sqrt(max(1.0, sample_rate * steps)) / mu
    return min(max(min(limit, drawn), _LEAST_NOISE), _MOST_NOISE)


def _root(gap: Callable[[float], float], guess: float, step: float) -> float | None:
    """Where a falling function is a little below zero; None where that is out of range.

    The function remembers what it has computed, so it may be asked for the same value again.
    """
    low = high = guess
    while gap(low) <= 0:
        low -= step
        step *= 4
        if low < math.log(_LEAST_NOISE):
            return None
    while gap(high) > 0:
        low, high = high, high + step
        step *= 4
        if high > math.log(_MOST_NOISE):
            return None
    found = float(brentq(gap, low, high, xtol=_LOG_NOISE))
    while gap(found) > 0:
        found += _LOG_NOISE
    return found
