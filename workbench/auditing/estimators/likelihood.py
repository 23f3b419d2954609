"""The best score of a canary for somebody who saw every step but not who was in it."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

_CHUNK = 2048
"""Coordinates whose steps are looked at together: they fit into a processor's cache."""

LEAST_NOISE: Final = 1e-9
"""Of signals in units of the clipping norm; what is less noisy is taken to have this noise."""


def noise_level(signals: np.ndarray) -> float:
    """The noise multiplier as coordinates that no record moves show it.

    Args:
        signals: ``(T, K)``, in units of the clipping norm; around 0.
    """
    return math.sqrt(float(np.einsum("ij,ij->", signals, signals, dtype=np.float64)) / signals.size)


def likelihood_ratios(
    signals: np.ndarray, *, noise: float, sample_rate: float, scale: float = 1.0
) -> np.ndarray:
    """The logarithm of the likelihood with the canary over that without, over all steps.

    sum_t ln(1 - q + q exp((2 s_t - 1) / (2 sigma^2))): no other score finds more of those who took
    part at the same rate of false alarms (Neyman, Pearson 1933). A wrong noise or scale makes it a
    weaker score and no less valid a one, as long as neither was learnt from who took part.

    Args:
        signals: ``(T, N)``, in units of the clipping norm.
        noise: sigma, standard deviation of the scaled signals, >= 0.
        sample_rate: q, in (0, 1].
        scale: what the signals are multiplied by first.

    Returns:
        float64 ``(N,)``.
    """
    variance = max(noise, LEAST_NOISE) ** 2
    absent = math.log1p(-sample_rate) if sample_rate < 1 else -math.inf
    drawn = math.log(sample_rate) - 0.5 / variance
    ratios = np.empty(signals.shape[1])
    for first in range(0, len(ratios), _CHUNK):
        part = signals[:, first : first + _CHUNK].astype(np.float64)
        part *= scale / variance
        part += drawn
        ratios[first : first + _CHUNK] = np.logaddexp(absent, part).sum(axis=0)
    return ratios
