"""One noisy step as the one who is protected sees it: with them and without them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import bdtr, bdtrc, ndtr, ndtri
from scipy.stats import binom

_NEWTON_STEPS = 100


@dataclass(frozen=True, eq=False)
class Mixture:
    """The two laws between which a step must be told apart, in standard deviations of the noise.

    Without the protected one a step's output is N(0, 1) along the direction of their
    contribution; with them it is the mixture of N(shift, 1) over how much of them was drawn. That
    the pair is the worst one: Zhu, Dong, Wang 2022 for one unit, Ganesh 2024 ("Tight group-level
    DP guarantees for DP-SGD with sampling via mixture of Gaussians mechanisms") for a group.

    Attributes:
        shifts: ``(K,)``, > 0, ascending.
        weights: ``(K,)``, their probabilities.
        log_absent: logarithm of the probability that nothing of them is drawn.
        dropped: probability of shifts too unlikely to be listed; counted as an infinite loss.
    """

    shifts: np.ndarray
    weights: np.ndarray
    log_absent: float
    dropped: float

    def loss(self, place: np.ndarray) -> np.ndarray:
        """log(with / without) at these outputs ``(N,)``; increasing."""
        return np.logaddexp(self.log_absent, self._drawn(place)[0])

    def places(self, losses: np.ndarray) -> np.ndarray:
        """The outputs ``(N,)`` at which the loss has these ascending values ``(N,)``.

        -infinity where the loss is above such a value everywhere.
        """
        # exp(loss) - absent, without subtracting nearly equal numbers
        with np.errstate(divide="ignore"):
            distance = np.maximum(losses - self.log_absent, 0)
            above = losses + np.log(-np.expm1(-distance))
        found = np.full(losses.shape, -np.inf)
        reached = np.isfinite(above)
        found[reached] = self._solve(above[reached])
        return np.maximum.accumulate(found)

    def masses(self, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities with and without them, below, between and above ascending outputs.

        Args:
            places: ``(N,)``.

        Returns:
            Two arrays ``(N + 1,)``.
        """
        drawn = sum(
            weight * _between(places - shift)
            for shift, weight in zip(self.shifts, self.weights, strict=True)
        )
        without = _between(places)
        return math.exp(self.log_absent) * without + drawn, without

    def ends(self, tail: float) -> tuple[float, float]:
        """Outputs below and above which lies no more than ``tail`` of either law."""
        share = np.minimum(tail / (len(self.shifts) + 1) / self.weights, 0.5)
        highest = float(np.max(self.shifts - ndtri(share)))
        return float(ndtri(tail)), max(highest, -float(ndtri(tail / 2)))

    def _solve(self, above: np.ndarray) -> np.ndarray:
        """Where log sum(weight exp(shift place - shift^2 / 2)) has these ascending values."""
        least, most = self.shifts[0], self.shifts[-1]
        # Every summand alone is below the sum, so this is at or right of the solution, from
        # where Newton's method comes down on a convex function without overshooting.
        candidates = (above - np.log(self.weights[:, None])) / self.shifts[:, None]
        place = np.min(candidates + self.shifts[:, None] / 2, axis=0)
        if least == most:
            return place
        for _ in range(_NEWTON_STEPS):
            value, slope = self._drawn(place)
            step = (value - above) / slope
            place -= step
            if np.all(np.abs(step) <= 1e-13 * (1 + np.abs(place))):
                break
        return place

    def _drawn(self, place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The logarithm of the drawn part over N(0, 1), and its derivative."""
        shifts = self.shifts[:, None]
        exponents = np.log(self.weights)[:, None] + shifts * (place - shifts / 2)
        highest = np.max(exponents, axis=0)
        terms = np.exp(exponents - highest)
        total = terms.sum(axis=0)
        return highest + np.log(total), (shifts * terms).sum(axis=0) / total


@lru_cache(maxsize=256)
def mixture_of(
    noise_multiplier: float, sample_rate: float, group: int, dropped: float
) -> Mixture:
    """A step of Poisson sampling and Gaussian noise.

    Args:
        noise_multiplier: standard deviation of the noise over the clipping norm, > 0.
        sample_rate: probability of each of the protected one's ``group`` units, in (0, 1].
        group: units of the protected one, >= 1.
        dropped: probability of draws that need not be looked at, in [0, 1).
    """
    if sample_rate == 1:
        return Mixture(np.array([group / noise_multiplier]), np.ones(1), -math.inf, 0.0)
    drawn = np.arange(1, group + 1)
    kept = drawn[
        (bdtrc(drawn - 1, group, sample_rate) > dropped / 2)
        & (bdtr(drawn, group, sample_rate) > dropped / 2)
    ]
    weights = binom.pmf(kept, group, sample_rate)
    return Mixture(kept / noise_multiplier, weights, group * math.log1p(-sample_rate), dropped)


def _between(places: np.ndarray) -> np.ndarray:
    """Probabilities of N(0, 1) below, between and above ascending outputs.

    Each tail is taken from its own end, so that tiny probabilities keep their digits.
    """
    ends = np.concatenate(([-np.inf], places, [np.inf]))
    tails = ndtr(-np.abs(ends))
    return np.diff(np.where(ends < 0, tails, -tails)) + np.diff(ends >= 0)
