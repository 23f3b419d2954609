"""How much noise there was, seen by somebody who knows who took part in which step."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

from workbench.accounting.pld import noise_for
from workbench.auditing.claim import Claim


@dataclass(frozen=True, kw_only=True)
class Moments:
    """The released signals of all steps, as far as a test of their distance needs them.

    Attributes:
        taken: signals of canaries that took part in the step, >= 0.
        taken_mean: their mean, in units of the clipping norm; 1 where the mechanism is correct.
        taken_deviation: their standard deviation.
        others: all other signals, >= 2.
        others_mean: their mean; 0 where the mechanism is correct.
        others_deviation: their standard deviation; the noise multiplier.
    """

    taken: int
    taken_mean: float
    taken_deviation: float
    others: int
    others_mean: float
    others_deviation: float

    @property
    def mu(self) -> float:
        """The estimated distance of the two in standard deviations: one over the noise."""
        distance = self.taken_mean - self.others_mean
        if self.others_deviation == 0:
            return math.copysign(math.inf, distance) if distance else 0.0
        return distance / self.others_deviation

    @property
    def error(self) -> float:
        """The standard error of :attr:`mu`, by the delta method; 0 where there is no noise."""
        if self.others_deviation == 0:
            return 0.0
        spread = self.taken_deviation / self.others_deviation
        return math.sqrt((spread**2) / self.taken + (1 + self.mu**2 / 2) / self.others)


def moments_of(signals: np.ndarray, included: np.ndarray) -> Moments:
    """Count and average, without a copy of the signals.

    Args:
        signals: ``(T, M + K)``, in units of the clipping norm.
        included: bool ``(T, M)``, which canaries took part in which step.
    """
    taken = signals[:, : included.shape[1]][included].astype(np.float64)
    count = signals.size - len(taken)
    total = float(signals.sum(dtype=np.float64) - taken.sum())
    mean = total / count
    # The square of a float32 is rounded by less than the noise of any audit can show.
    squares = float(np.einsum("ij,ij->", signals, signals, dtype=np.float64)) - float(taken @ taken)
    return Moments(
        taken=len(taken),
        taken_mean=float(taken.mean()) if len(taken) else 0.0,
        taken_deviation=float(taken.std(ddof=1)) if len(taken) > 1 else 0.0,
        others=count,
        others_mean=mean,
        others_deviation=math.sqrt(max(0.0, squares - count * mean**2) / (count - 1)),
    )


def noise_bound(moments: Moments, level: float) -> float:
    """An upper bound on the noise multiplier of each step.

    Student's bound on the distance of the two means, in standard deviations of the noise: that is
    all that tells two normal laws of equal spread apart (one step is then mu-GDP with mu one over
    the noise multiplier; Dong, Roth, Su 2019). It uses every digit of the signals, and so comes
    closer than counting errors at a threshold.

    Args:
        moments: of independent, normal signals.
        level: probability that the bound lies below the truth, in (0, 1).

    Returns:
        Infinity where those who took part cannot be told from the others.
    """
    if moments.taken < 2:
        return math.inf
    away = stdtrit(moments.taken - 1, level) * moments.error
    mu = moments.mu + away
    return 1 / mu if mu > 0 else math.inf


def p_value(moments: Moments, claim: Claim, steps: int) -> float:
    """How likely so much distance is where each step has the claimed noise.

    Where another number of steps was released than is claimed, the noise is that at which so many
    steps cost the claimed epsilon.

    Args:
        moments: as for :func:`noise_bound`.
        claim: what is claimed.
        steps: releases that were seen.
    """
    if moments.taken < 2:
        return 1.0
    noise = claim.noise_multiplier
    if steps != claim.steps:
        assert claim.delta is not None
        noise = noise_for(
            target_epsilon=claim.epsilon,
            sample_rate=claim.sample_rate,
            steps=steps,
            delta=claim.delta,
        )
    if moments.error == 0:
        return 0.0 if moments.mu * noise > 1 else 1.0
    return float(stdtr(moments.taken - 1, (1 / noise - moments.mu) / moments.error))
