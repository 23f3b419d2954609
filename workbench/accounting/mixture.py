"""One noisy step as seen through one person: how it looks with them and without them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import bdtr, bdtrc, ndtr, ndtri
from scipy.stats import binom

_NEWTON_STEPS = 100
_SPARSE = 2048
"""Between so many solved places the others are first interpolated, to save Newton steps."""


@dataclass(frozen=True, eq=False)
class Mixture:
    """The two laws that a step must keep from being told apart.

    Without the person, a step's output along the direction of their contribution is N(0, 1), in
    standard deviations of the noise; with them it is a mixture of N(shift, 1) over what was drawn
    of them. No pair of data sets is told apart better: Zhu, Dong, Wang 2022 for one unit; Ganesh
    2024 ("Tight group-level DP guarantees for DP-SGD with sampling via mixture of Gaussians
    mechanisms") for several units, each sampled by itself.

    Attributes:
        shifts: ``(K,)``, > 0, ascending.
        weights: ``(K,)``, their probabilities.
        log_absent: logarithm of the probability that nothing of the person is drawn.
        dropped: at least the probability of the draws that are left out of ``shifts``.
    """

    shifts: np.ndarray
    weights: np.ndarray
    log_absent: float
    dropped: float = 0.0

    def loss(self, places: np.ndarray) -> np.ndarray:
        """Logarithm of with over without at the outputs ``(N,)``; it increases."""
        return np.logaddexp(self.log_absent, self._drawn(places)[0])

    def places(self, losses: np.ndarray) -> np.ndarray:
        """The outputs ``(N,)`` at which the loss has these ascending values ``(N,)``.

        They are -infinity for values that the loss is above everywhere.
        """
        # log(exp(loss) - absent), without subtracting nearly equal numbers
        with np.errstate(divide="ignore"):
            drawn = losses + np.log(-np.expm1(-np.maximum(losses - self.log_absent, 0)))
        found = np.full(losses.shape, -np.inf)
        reached = np.isfinite(drawn)
        found[reached] = self._solve(drawn[reached])
        return np.maximum.accumulate(found)

    def masses(self, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities with the person and without below, between and above ascending outputs.

        Args:
            places: ``(N,)``.

        Returns:
            Two arrays ``(N + 1,)``.
        """
        without = _between(places)
        with_them = math.exp(self.log_absent) * without
        for shift, weight in zip(self.shifts, self.weights, strict=True):
            with_them += weight * _between(places - shift)
        return with_them, without

    def ends(self, tail: float) -> np.ndarray:
        """Two outputs, with at most ``tail`` of either law below the one and above the other."""
        share = np.minimum(tail / 2 / len(self.shifts) / self.weights, 0.5)
        lowest = float(ndtri(tail / 2))
        return np.array([lowest, max(-lowest, float(np.max(self.shifts - ndtri(share))))])

    def _solve(self, drawn: np.ndarray) -> np.ndarray:
        """Where the logarithm of the drawn part over N(0, 1) has these ascending values."""
        if len(self.shifts) > 1 and len(drawn) > 2 * _SPARSE:
            some = np.linspace(0, len(drawn) - 1, _SPARSE).astype(int)
            places = np.interp(drawn, drawn[some], self._solve(drawn[some]))
        else:
            # Each summand alone is below the sum and so reaches the value no earlier.
            alone = (drawn - np.log(self.weights[:, None])) / self.shifts[:, None]
            places = np.min(alone + self.shifts[:, None] / 2, axis=0)
        if len(self.shifts) == 1:
            return places
        for _ in range(_NEWTON_STEPS):  # the function is convex: it cannot run away
            value, slope = self._drawn(places)
            step = (value - drawn) / slope
            places -= step
            if np.all(np.abs(step) <= 1e-13 * (1 + np.abs(places))):
                break
        return places

    def _drawn(self, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The logarithm of sum(weight exp(shift place - shift^2 / 2)) and its derivative."""
        shifts = self.shifts[:, None]
        exponents = np.log(self.weights)[:, None] + shifts * (places - shifts / 2)
        if len(shifts) == 1:
            return exponents[0], self.shifts
        highest = np.max(exponents, axis=0)
        terms = np.exp(exponents - highest)
        total = terms.sum(axis=0)
        return highest + np.log(total), (shifts * terms).sum(axis=0) / total


@lru_cache(maxsize=256)
def mixture_of(
    noise_multiplier: float, sample_rate: float, group: int = 1, dropped: float = 0.0
) -> Mixture:
    """A step of Poisson sampling and Gaussian noise.

    Args:
        noise_multiplier: standard deviation of the noise over the clipping norm, > 0.
        sample_rate: probability of each of the person's units to be drawn, in (0, 1].
        group: units of the person, >= 1.
        dropped: probability of draws that may be left out where there are several units; they
            count as an infinite loss.
    """
    if sample_rate == 1:
        return Mixture(np.array([group / noise_multiplier]), np.ones(1), -math.inf)
    log_absent = group * math.log1p(-sample_rate)
    if group == 1:
        return Mixture(np.array([1 / noise_multiplier]), np.array([sample_rate]), log_absent)
    drawn = np.arange(1, group + 1)
    likely = (bdtrc(drawn - 1, group, sample_rate) > dropped / 2) & (
        bdtr(drawn, group, sample_rate) > dropped / 2
    )
    drawn = drawn[likely] if likely.any() else drawn[:1]
    weights = binom.pmf(drawn, group, sample_rate)
    left_out = dropped if len(drawn) < group else 0.0
    return Mixture(drawn / noise_multiplier, weights, log_absent, left_out)


def _between(places: np.ndarray) -> np.ndarray:
    """Probabilities of N(0, 1) below, between and above ascending outputs.

    Each tail is taken from its own end, so that tiny probabilities keep their digits.
    """
    ends = np.concatenate(([-np.inf], places, [np.inf]))
    tails = ndtr(-np.abs(ends))
    between = np.diff(np.where(ends < 0, tails, -tails)) + np.diff(ends >= 0)
    return np.maximum(between, 0)  # the last digit of the distribution function is not monotone
