"""The robust attack: does the target favour a unit more than it favours strangers?"""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.special import expit
from scipy.stats import rankdata

from workbench.auditing.membership.signals import Signals, mean_where

GAMMA: Final = 1.0
"""As published; with one population for all units it moves scores, not their order."""

# Beneath every step of the score.
_TIES = 1e-9


def rmia(signals: Signals, *, offline_a: float, gamma: float = GAMMA) -> np.ndarray:
    """Share of strangers whom the target favours less than the unit, in [0, 1].

    RMIA, offline (Zarifzadeh, Liu, Shokri 2024). With p(x) the confidence that networks have in a
    unit on average, estimated from references that did not train on it as
    ((1 + a) mean + (1 - a)) / 2, the score is the share of the population's units z with
    [p_target(x) / p(x)] / [p_target(z) / p(z)] > gamma. Units that the population cannot tell
    apart are ordered by their own ratio, which adds less than a billionth.

    Args:
        signals: the signals.
        offline_a: a, in [0, 1]: how far references without a unit speak for those with it.
        gamma: > 0.

    Returns:
        float ``(U,)``, higher for units more likely to have trained.
    """
    outside = mean_where(expit(signals.references), ~signals.trained_on)
    own = expit(signals.target) / _on_average(outside, offline_a)
    strangers = expit(signals.population) / _on_average(
        expit(signals.population_references).mean(axis=0), offline_a
    )
    below = np.searchsorted(np.sort(strangers), own / gamma, side="left")
    return below / len(strangers) + _TIES * rankdata(own) / len(own)


def _on_average(outside: np.ndarray, offline_a: float) -> np.ndarray:
    return np.maximum(((1 + offline_a) * outside + (1 - offline_a)) / 2, np.finfo(float).tiny)
