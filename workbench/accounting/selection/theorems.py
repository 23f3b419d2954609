"""From the Rényi divergences of one training to those of the best of several."""

from __future__ import annotations

import math

import numpy as np

from workbench.accounting.selection.counts import NegativeBinomial, Poisson
from workbench.accounting.selection.renyi import ORDERS


def best_of_negative_binomial(
    single: np.ndarray, count: NegativeBinomial, orders: np.ndarray = ORDERS
) -> np.ndarray:
    """Divergences of the winner where the number of runs is truncated negative binomial.

    Papernot, Steinke 2022, Theorem 2: at order l the winner has R(l) + ln(mean) / (l - 1)
    + (1 + eta) ((1 - 1/m) R(m) + ln(1/gamma) / m), with m, >= 1, where that is lowest.

    Args:
        single: R, ``(O,)``, of one run, the larger one of both directions.
        count: distribution of the number of runs.
        orders: ``(O,)``, ascending, all above 1.

    Returns:
        float64 ``(O,)``.
    """
    runs = -math.log(count.gamma)
    elsewhere = float(np.min((1 - 1 / orders) * single + runs / orders))
    toll = (1 + count.shape) * min(runs, elsewhere)
    return _lowest(single + toll + math.log(count.mean) / (orders - 1))


def best_of_poisson(
    single: np.ndarray, delta_hats: np.ndarray, count: Poisson, orders: np.ndarray = ORDERS
) -> np.ndarray:
    """Divergences of the winner where the number of runs is Poisson.

    Papernot, Steinke 2022, Theorem 6: at order l the winner has R(l) + mean delta-hat
    + ln(mean) / (l - 1), where one run is (ln(1 + 1 / (l - 1)), delta-hat)-DP.

    Args:
        single: R, ``(O,)``, of one run, the larger one of both directions.
        delta_hats: ``(O,)``, at those epsilons.
        count: distribution of the number of runs.
        orders: ``(O,)``, ascending, all above 1.

    Returns:
        float64 ``(O,)``.
    """
    return _lowest(single + count.mean * delta_hats + math.log(count.mean) / (orders - 1))


def _lowest(divergences: np.ndarray) -> np.ndarray:
    """A divergence is never above one of a higher order, so that the lowest of these counts."""
    lowest: np.ndarray = np.minimum.accumulate(divergences[::-1])[::-1]
    return lowest
