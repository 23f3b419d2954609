"""The exact price of Gaussian noise where every record takes part in every step."""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import brentq
from scipy.special import erfcx, ndtr

from workbench.errors import BadInput


def gaussian_delta(epsilon: float, mu: float) -> float:
    """Delta at this epsilon of a mechanism that is mu-GDP (Dong, Roth, Su 2019, Cor. 1).

    delta = Phi(-a) - e^epsilon Phi(-b) with a = epsilon/mu - mu/2 and b = epsilon/mu + mu/2.
    """
    return _delta_at(epsilon / mu - mu / 2, mu)


def _delta_at(a: float, mu: float) -> float:
    """Delta by the loss's distance from its mean, in standard deviations.

    As epsilon = (b^2 - a^2)/2, the second term is phi(a) times the Mills ratio of b = a + mu,
    which stays finite for any epsilon.
    """
    mills = math.sqrt(math.pi / 2) * erfcx((a + mu) / math.sqrt(2))
    return float(ndtr(-a) - math.exp(-a * a / 2) / math.sqrt(2 * math.pi) * mills)


def gaussian_epsilon(noise_multiplier: float, steps: int, delta: float) -> float:
    """Epsilon of ``steps`` releases of a sum with Gaussian noise, sampling rate 1. Exact.

    Args:
        noise_multiplier: standard deviation over sensitivity, >= 0; 0 gives infinity.
        steps: releases of the same record, >= 0; 0 gives 0.
        delta: in (0, 1).
    """
    if steps == 0:
        return 0.0
    if noise_multiplier == 0:
        return math.inf
    mu = math.sqrt(steps) / noise_multiplier
    if gaussian_delta(0.0, mu) <= delta:
        return 0.0
    # At the root a is at most the delta-quantile's distance, so this upper end is beyond it.
    a = brentq(
        lambda a: _delta_at(a, mu) - delta,
        -mu / 2,
        1 + math.sqrt(-2 * math.log(delta)),
        xtol=1e-14,
        rtol=8 * np.finfo(float).eps,
        maxiter=500,
    )
    return max(0.0, mu * (float(a) + mu / 2))


def gaussian_noise_multiplier(epsilon: float, steps: int, delta: float) -> float:
    """The noise multiplier at which :func:`gaussian_epsilon` gives this epsilon.

    Raises:
        BadInput: no noise multiplier between 1e-8 and 1e8 does.
    """

    def gap(log_noise: float) -> float:
        return math.log(max(gaussian_epsilon(math.exp(log_noise), steps, delta), 1e-300) / epsilon)

    low, high = math.log(1e-8), math.log(1e8)
    if gap(low) < 0 or gap(high) > 0:
        raise BadInput(
            f"No noise multiplier between 1e-8 and 1e8 gives epsilon {epsilon:g}; choose another.",
            field="target_epsilon",
        )
    return math.exp(float(brentq(gap, low, high, xtol=1e-10)))
