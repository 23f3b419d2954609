"""One training, fair coins, guesses, and a whole trade-off curve (Mahloujifar et al. 2024)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from scipy.special import ndtr, ndtri

from workbench.accounting.trade_off import TradeOff
from workbench.auditing.estimators.steinke import Guesses

Curve = Callable[[float], float]
"""A symmetric trade-off curve: least false-negative rate at a false-positive rate."""

_HIGHEST_MU = 40.0
_LEAST_LOG_LEVEL = -400.0
_HALVINGS = 50


def refuted(curve: Curve, guesses: Sequence[Guesses], canaries: int, level: float) -> bool:
    """Whether training with this trade-off curve allows such guesses with less than ``level``.

    Mahloujifar, Melis, Chaudhuri 2024, "Auditing f-differential privacy in one run", for
    membership: R and H bound the shares of canaries that are guessed right and wrong, given at
    least i right guesses, and are carried down from i = v by the curve's blow-up function; what
    is refuted makes them more than the r guesses that there are. ``level`` is divided among the
    numbers of guesses that were fixed beforehand (Bonferroni).

    Args:
        curve: what is claimed; must be symmetric and convex.
        guesses: for every number of guesses that was fixed beforehand.
        canaries: m, each put in or left out by a fair coin of its own.
        level: in (0, 1).
    """
    return any(_refuted(curve, each, canaries, level / len(guesses)) for each in guesses)


def mu_bound(guesses: Sequence[Guesses], canaries: int, level: float) -> float:
    """The mu below which a Gaussian trade-off curve is refuted; at least 0."""

    def gaussian(mu: float) -> Curve:
        return lambda alpha: float(ndtr(-ndtri(alpha) - mu))

    low, high = 0.0, _HIGHEST_MU
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        refuses = refuted(gaussian(middle), guesses, canaries, level)
        low, high = (middle, high) if refuses else (low, middle)
    return low


def p_value(guesses: Sequence[Guesses], canaries: int, claimed: TradeOff) -> float:
    """The smallest level at which the claimed curve is refuted; 1 if it never is."""
    both_ways = claimed.symmetric

    def curve(alpha: float) -> float:
        return float(both_ways.at(alpha))

    low, high = _LEAST_LOG_LEVEL, 0.0
    if not refuted(curve, guesses, canaries, 1.0):
        return 1.0
    while high - low > 1e-6:
        middle = (low + high) / 2
        refuses = refuted(curve, guesses, canaries, math.exp(middle))
        low, high = (low, middle) if refuses else (middle, high)
    return math.exp(high)


def _refuted(curve: Curve, guesses: Guesses, canaries: int, level: float) -> bool:
    v, r = guesses.correct, guesses.made
    right, wrong = level * v / canaries, level * (r - v) / canaries
    for i in range(v - 1, -1, -1):
        # The inverse of x -> 1 - f(x) is x -> f(1 - x), as f is its own inverse.
        blown = curve(1 - right)
        if blown <= wrong:
            return False
        right, wrong = min(1.0, right + i / (r - i) * (blown - wrong)), blown
        if right + wrong > r / canaries:
            return True
    return False
