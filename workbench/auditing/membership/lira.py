"""The likelihood-ratio attack: is the target's signal that of a member or of a stranger?"""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.special import log_ndtr

from workbench.auditing.membership.signals import Signals, mean_where

OWN_SPREAD_FROM: Final = 64
"""References from which every unit's spread is its own; with fewer the spread of all is steadier
(Carlini et al. 2022)."""

# Below it a spread is rounding: all references say the same.
_LEAST_SPREAD = 1e-9


def lira_online(signals: Signals) -> np.ndarray:
    """Log-likelihood ratio of two normal laws, one from references with the unit, one without.

    Carlini et al. 2022, algorithm 1.

    Returns:
        float ``(U,)``, higher for units more likely to have trained.
    """
    inside = _log_density(signals, signals.trained_on)
    return inside - _log_density(signals, ~signals.trained_on)


def lira_offline(signals: Signals) -> np.ndarray:
    """Log-probability that a stranger's signal lies below the target's.

    Carlini et al. 2022: only references without the unit are used.

    Returns:
        float ``(U,)``, at most 0, higher for units more likely to have trained.
    """
    without = ~signals.trained_on
    mean = mean_where(signals.references, without)
    return log_ndtr((signals.target - mean) / _spread(signals.references, without, mean))


def _log_density(signals: Signals, where: np.ndarray) -> np.ndarray:
    """Of the target's signal under the normal law of some references, without its constant."""
    mean = mean_where(signals.references, where)
    spread = _spread(signals.references, where, mean)
    return -np.log(spread) - ((signals.target - mean) / spread) ** 2 / 2


def _spread(values: np.ndarray, where: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Standard deviations around each unit's mean, ``(U,)``; equal ones with few references."""
    squares = np.where(where, (values - mean) ** 2, 0).sum(axis=0)
    freedom = where.sum(axis=0) - 1
    if len(values) < OWN_SPREAD_FROM:
        squares = np.full_like(squares, squares.sum())
        freedom = np.full_like(freedom, freedom.sum())
    return np.sqrt(np.maximum(squares / np.maximum(freedom, 1), _LEAST_SPREAD**2))
