"""Bounds from two error counts for a trade-off curve that is Gaussian."""

from __future__ import annotations

from scipy.special import ndtri

from workbench.accounting.gaussian import gaussian_epsilon
from workbench.auditing.estimators.clopper_pearson import Errors


def mu_bound(errors: Errors, level: float) -> float:
    """A lower bound on mu of a mechanism whose trade-off curve is that of N(0, 1) and N(mu, 1).

    Phi^-1(1 - a) - Phi^-1(b), with the upper bounds a and b on the two rates (Nasr et al. 2023,
    after Dong, Roth, Su 2019). A test that is worse than a coin shows nothing: 0, and never the
    size of what it is wrong by.

    Args:
        errors: counted at one threshold, in independent trials.
        level: probability that the bound lies above the truth, in (0, 1).

    Returns:
        At least 0.
    """
    a, b = errors.rates(level)
    return max(0.0, float(-ndtri(a) - ndtri(b)))


def epsilon_of(mu: float, delta: float) -> float:
    """Epsilon of a Gaussian trade-off curve; exact.

    Args:
        mu: >= 0, or infinity.
        delta: in (0, 1).
    """
    return gaussian_epsilon(1 / mu, 1, delta) if mu else 0.0
