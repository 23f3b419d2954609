"""Bounds for Poisson-subsampled Gaussian steps whose noise is not known."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from scipy.special import bdtr, betainc, betaincinv

from workbench.accounting.mechanism import Mechanism
from workbench.accounting.pld import REFINED, epsilon_for_drawing
from workbench.accounting.trade_off import TradeOff, trade_off
from workbench.auditing.estimators.clopper_pearson import Errors

_NODES = 257
_CUT = 1e-14
"""Probability of false-positive rates that are not integrated over."""

_RATIO = 1.002
"""Between neighbouring noise multipliers that are tried; a bound is too low by half of that."""

BLIND: Final = trade_off(Mechanism(noise_multiplier=1.0, sample_rate=1.0, steps=0))
"""The trade-off curve of a mechanism that shows nothing."""

_FARTHEST = 2048
"""How many ratios away noise is looked for: a sixtieth of the claimed noise is 'far too little'."""


def p_value(errors: Errors, curve: TradeOff) -> float:
    """How likely a mechanism with this trade-off curve lets so few members go.

    Its tests find at most 1 - f(alpha) of those who took part. The false-positive rate alpha of a
    threshold that was taken by its rank follows a beta distribution (see :class:`Errors`), so the
    number found is dominated by a binomial one mixed over it; that is exact at any size, and
    sharper than bounding the two rates one by one.

    Args:
        errors: in independent trials, at a threshold fixed by its rank among the outsiders.
        curve: what is claimed.

    Returns:
        In [0, 1]; an upper bound, as the curve is a lower one.
    """
    if errors.false_alarms == errors.outsiders:
        return 1.0
    a, b = errors.false_alarms + 1, errors.outsiders - errors.false_alarms
    low, high = (float(betaincinv(a, b, share)) for share in (_CUT, 1 - _CUT))
    alphas = np.linspace(low, high, _NODES)
    # Bin(members, 1 - f) finds all but ``misses`` where Bin(members, f) misses no more than that.
    luck = bdtr(errors.misses, errors.members, curve.at(alphas))
    mean = float(np.diff(betainc(a, b, alphas)) @ (luck[1:] + luck[:-1])) / 2
    return min(1.0, mean + 2 * _CUT)


def noise_bound(
    errors: Errors, *, sample_rate: float, steps: int, around: float, level: float
) -> float:
    """The least noise multiplier that these errors refute, and with it all larger ones.

    More noise means a higher trade-off curve, so that the noise multipliers that are not refuted
    lie below the one that is returned, with probability 1 - ``level``.

    Args:
        errors: as for :func:`p_value`.
        sample_rate: in (0, 1].
        steps: releases that the test looked at, >= 1.
        around: where to begin, > 0; noise is tried at this times powers of 1.002.
        level: in (0, 1).

    Returns:
        Infinity where not even a mechanism that shows nothing is refuted. Noise below a sixtieth
        of ``around`` is not looked for.
    """

    def refuted(nth: int) -> bool:
        noise = around * _RATIO**nth
        tried = Mechanism(noise_multiplier=noise, sample_rate=sample_rate, steps=steps)
        return p_value(errors, trade_off(tried)) <= level

    if p_value(errors, BLIND) > level:
        return math.inf
    step = -1 if refuted(0) else 1
    near, far = 0, step
    while refuted(far) == (step < 0):
        if abs(far) >= _FARTHEST:
            return around * _RATIO**far if step < 0 else math.inf
        near, far = far, 2 * far
    low, high = sorted((near, far))
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if refuted(middle) else (middle, high)
    return around * _RATIO**high


def epsilon_of(noise_multiplier: float, *, sample_rate: float, steps: int, delta: float) -> float:
    """What so much noise costs, by the accountant of record on its middle grid.

    Rounding brings it at most some hundred-thousandths above the truth, as it does the claim.
    """
    if noise_multiplier == math.inf:
        return 0.0
    return epsilon_for_drawing(
        noise_multiplier=noise_multiplier,
        sample_rate=sample_rate,
        steps=steps,
        delta=delta,
        grid=REFINED,
    )
