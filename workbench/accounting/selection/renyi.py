"""Rényi divergences of a training, which private selection is reckoned with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy.special import logsumexp
from scipy.stats import binom

from workbench.accounting.mechanism import Mechanism

ORDERS = 1 + np.geomspace(0.02, 1e4, 160)
"""Orders to look at, ascending, all above 1. Any set of them gives bounds."""

_POINTS = 2**16
"""Longest grid to integrate on; orders that need more get the bound without sampling."""

_WIDEST = 0.2
_OVER_SHIFT = 0.25
"""Widest grid in standard deviations of the noise, and over one unit's shift. The integrands are
analytic, so the trapezoidal rule is exact to the last digits then (Trefethen, Weideman 2014)."""

_REACH = 12.0
"""Standard deviations beyond the peaks; 1e-32 of a normal law lies further out."""

_ROUNDING = 1e-14
"""Of the logarithm of one step's moment: more than what float64 sums lose."""


def renyi_divergences(mechanism: Mechanism, orders: np.ndarray = ORDERS) -> np.ndarray:
    """Rényi divergences of all steps together, the larger one of both directions.

    Adding or removing the one who is protected, Poisson sampling. One step with several units is
    a mixture of Gaussians (Ganesh 2024), for one unit it is what Mironov, Talwar, Zhang 2019
    compute; steps add up.

    Args:
        mechanism: the training.
        orders: ``(O,)``, ascending, all above 1.

    Returns:
        float64 ``(O,)``, never below the truth; infinite without noise.
    """
    if mechanism.steps == 0:
        return np.zeros(orders.shape)
    if mechanism.noise_multiplier == 0:
        return np.full(orders.shape, math.inf)
    return mechanism.steps * _of_a_step(
        mechanism.noise_multiplier, mechanism.sample_rate, mechanism.group, tuple(orders.tolist())
    )


def worst_divergences(mechanisms: Sequence[Mechanism], orders: np.ndarray = ORDERS) -> np.ndarray:
    """Of a training drawn from several, however it is drawn: the largest at each order.

    Args:
        mechanisms: one or more.
        orders: ``(O,)``, ascending, all above 1.

    Returns:
        float64 ``(O,)``.
    """
    each = [renyi_divergences(mechanism, orders) for mechanism in mechanisms]
    worst: np.ndarray = np.max(each, axis=0)
    return worst


@lru_cache(maxsize=256)
def _of_a_step(noise: float, rate: float, group: int, orders: tuple[float, ...]) -> np.ndarray:
    # Sampling only helps, so this is an upper bound, and exact where nothing is sampled.
    unsampled: np.ndarray = np.array(orders) * (group / noise) ** 2 / 2
    if rate == 1:
        return unsampled
    return np.minimum(unsampled, _sampled(noise, rate, group, np.array(orders)))


def _sampled(noise: float, rate: float, group: int, orders: np.ndarray) -> np.ndarray:
    """By the trapezoidal rule; infinite where the grid would be too long."""
    grid = min(_WIDEST, _OVER_SHIFT * noise)
    # Further left nobody's units matter, and the loss is what not being drawn makes it.
    log_absent = group * math.log1p(-rate)
    left = _REACH + max(0.0, math.log(-math.expm1(log_absent)) - log_absent) * noise
    needed = (left + _REACH + orders * group / noise) / grid
    counts = np.ceil(needed[needed <= _POINTS]).astype(int)
    found = np.full(orders.shape, math.inf)
    if len(counts):
        places = grid * np.arange(counts[-1] + 1) - left
        losses = _losses(places, noise, rate, group)
        masses = math.log(grid / math.sqrt(2 * math.pi)) - places**2 / 2
        for nth, (order, count) in enumerate(zip(orders, counts, strict=False)):
            found[nth] = _divergence(float(order), losses[: count + 1], masses[: count + 1])
    return found


def _divergence(order: float, losses: np.ndarray, masses: np.ndarray) -> float:
    """With the person from without them, and the other way round; whichever is larger."""
    moment = max(logsumexp(order * losses + masses), logsumexp((1 - order) * losses + masses))
    return (max(0.0, float(moment)) + _ROUNDING) / (order - 1)


def _losses(places: np.ndarray, noise: float, rate: float, group: int) -> np.ndarray:
    """Logarithm of with over without the person at these outputs.

    Draws of many units are unlikely beyond what a float can say, and still rule the high orders.
    """
    drawn = np.arange(group + 1)
    log_weights = binom.logpmf(drawn, group, rate)
    total = np.full(places.shape, log_weights[0])
    for shift, log_weight in zip(drawn[1:] / noise, log_weights[1:], strict=True):
        total = np.logaddexp(total, log_weight + shift * (places - shift / 2))
    return total
