"""How well scores rank members before strangers, with an interval."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit
from scipy.stats import binomtest, norm, rankdata


@dataclass(frozen=True)
class Interval:
    """A value and the ends of its interval."""

    value: float
    low: float
    high: float


def auc(scores: np.ndarray, members: np.ndarray, *, confidence: float) -> Interval:
    """Probability that a member scores higher than a stranger, ties counted half.

    The interval is DeLong's (DeLong, DeLong, Clarke-Pearson 1988, by ranks as Sun and Xu 2014),
    on the log-odds scale, on which it stays in [0, 1]. Where all comparisons end alike there is no
    spread to estimate: then it is the Clopper-Pearson interval of as many comparisons as there
    are pairs without a common unit.

    Args:
        scores: ``(U,)``.
        members: bool ``(U,)``, both kinds at least twice.
        confidence: in (0, 1).
    """
    inside, outside = scores[members], scores[~members]
    ranks = rankdata(np.concatenate([inside, outside]))
    # Of each unit, the share of the other kind that it beats.
    beaten = (ranks[: len(inside)] - rankdata(inside)) / len(outside)
    lost = 1 - (ranks[len(inside) :] - rankdata(outside)) / len(inside)
    value = float(beaten.mean())
    error = math.sqrt(beaten.var(ddof=1) / len(inside) + lost.var(ddof=1) / len(outside))
    if error == 0:
        pairs = min(len(inside), len(outside))
        exact = binomtest(round(value * pairs), pairs).proportion_ci(confidence)
        return Interval(value, float(exact.low), float(exact.high))
    reach = norm.ppf((1 + confidence) / 2) * error / (value * (1 - value))
    return Interval(value, float(expit(logit(value) - reach)), float(expit(logit(value) + reach)))
