"""How likely anybody can tell, from all that was released, which candidate is the record."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import expit, ndtr, ndtri

from workbench.accounting.composition import composed_epsilon
from workbench.accounting.mechanism import Mechanism
from workbench.accounting.pld import COARSE
from workbench.errors import BadInput

_POINTS = 64
_ZOOMED = 8
"""Points that are put beside each of the first ones that turned out to matter."""

_LEAST_SHARE = 1e-4
"""Smallest delta that is looked at, over the smallest kappa: beyond it there is nothing to win."""

_HIGHEST_LOGIT = 9.0


def identification_bound(mechanisms: Sequence[Mechanism], kappas: np.ndarray) -> np.ndarray:
    """Probability gamma of naming the record, for those who could guess it with kappa.

    Reconstruction robustness (Balle, Cherubin, Hayes 2022) in its tight form (Hayes, Mahloujifar,
    Balle 2023; Kaissis et al. 2023): gamma is the power of the best test at false-positive rate
    kappa, so that no prior, learned or not, leads beyond it. Where everything takes part in every
    step, it is Phi(Phi^-1(kappa) + mu); else the least of delta(epsilon) + e^epsilon kappa, and of
    the same line of the reversed test, over the privacy loss distribution's epsilons.

    Args:
        mechanisms: everything that was ever released of the record, in any order.
        kappas: ``(K,)``, best chance of a blind guess, in (0, 1): 1/N among N equally likely
            candidates.

    Returns:
        float64 ``(K,)``, an upper bound between kappa and 1; all 1 where a step has no noise.

    Raises:
        BadInput: a kappa is not in (0, 1).
    """
    kappas = np.asarray(kappas, dtype=np.float64)
    if not ((kappas > 0) & (kappas < 1)).all():
        raise BadInput(
            f"Kappa must lie between 0 and 1, not {kappas.min():g} to {kappas.max():g}; "
            "1/N is the chance of guessing one of N candidates.",
            field="kappa",
        )
    released = [each for each in mechanisms if each.steps]
    if any(each.noise_multiplier == 0 for each in released):
        return np.ones(kappas.shape)
    unsampled: np.ndarray = ndtr(ndtri(kappas) + _mu(released))
    if all(each.sample_rate == 1 for each in released):
        return unsampled
    return np.minimum(unsampled, _least_line(released, kappas))


def _mu(mechanisms: Sequence[Mechanism]) -> float:
    """Of the Gaussian mechanism that all these would be together without sampling."""
    return math.sqrt(math.fsum(m.steps * (m.group / m.noise_multiplier) ** 2 for m in mechanisms))


def _least_line(mechanisms: Sequence[Mechanism], kappas: np.ndarray) -> np.ndarray:
    """The least of the tangents to the trade-off curve, looked for twice."""
    lowest = math.log(_LEAST_SHARE * float(kappas.min()))
    logits = np.linspace(lowest, _HIGHEST_LOGIT, _POINTS)
    lines = _lines(mechanisms, logits, kappas)
    least: np.ndarray = lines.min(axis=0)
    step = (_HIGHEST_LOGIT - lowest) / (_POINTS - 1)
    for best in np.unique(lines.argmin(axis=0)):
        near = logits[best] + step * np.linspace(-1, 1, _ZOOMED + 2)[1:-1]
        least = np.minimum(least, _lines(mechanisms, near, kappas).min(axis=0))
    return np.clip(least, kappas, 1)


def _lines(mechanisms: Sequence[Mechanism], logits: np.ndarray, kappas: np.ndarray) -> np.ndarray:
    """Bounds ``(L, K)`` from single pairs of epsilon and delta; all of them hold."""
    deltas = expit(logits)[:, None]
    epsilons = np.array(
        [[composed_epsilon(mechanisms, float(delta), grid=COARSE)] for delta in deltas[:, 0]]
    )
    with np.errstate(over="ignore"):
        forward = deltas + np.exp(epsilons) * kappas
    backward = 1 - np.exp(-epsilons) * (1 - deltas - kappas)
    return np.minimum(forward, backward)
