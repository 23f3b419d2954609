"""True and false positives of an attack: the whole curve, and two points of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.stats import beta

POINTS: Final[Mapping[float, int]] = {0.01: 300, 0.001: 3000}
"""False-positive rates that are looked at, and how many strangers each needs at least: with fewer
than three false positives expected, none at all means nothing."""


@dataclass(frozen=True, kw_only=True)
class Rate:
    """The share of members found at a false-positive rate.

    Attributes:
        at: the false-positive rate.
        value: true-positive rate, with its Clopper-Pearson interval ``low`` to ``high``.
        reliable: whether there are strangers enough to know the false-positive rate.
    """

    at: float
    value: float
    low: float
    high: float
    reliable: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class Curve:
    """An ROC curve; all float ``(K,)``.

    Attributes:
        fpr: false-positive rates, rising from 0 to 1.
        tpr: true-positive rates there, with their pointwise intervals ``low`` to ``high``.
    """

    fpr: np.ndarray
    tpr: np.ndarray
    low: np.ndarray
    high: np.ndarray


def curve(scores: np.ndarray, members: np.ndarray, *, confidence: float) -> Curve:
    """Both rates for every threshold.

    Args:
        scores: ``(U,)``, higher for units more likely to have trained.
        members: bool ``(U,)``, some of each kind.
        confidence: of the pointwise Clopper-Pearson intervals, in (0, 1).
    """
    order = np.argsort(-scores, kind="stable")
    # A threshold never parts units with equal scores.
    last = np.append(np.diff(scores[order]) != 0, True)
    found = np.append(0, np.cumsum(members[order])[last])
    false = np.append(0, np.cumsum(~members[order])[last])
    total = int(members.sum())
    low, high = _clopper_pearson(found, total, confidence)
    return Curve(fpr=false / (~members).sum(), tpr=found / total, low=low, high=high)


def rate_at(at: float, scores: np.ndarray, members: np.ndarray, *, confidence: float) -> Rate:
    """The share of members whose scores lie above all but this share of the strangers'.

    The interval is over the members; what is uncertain about the threshold is not in it.

    Args:
        at: false-positive rate, a key of ``POINTS``.
        scores: as for :func:`curve`.
        members: as for :func:`curve`.
        confidence: in (0, 1).
    """
    total, strangers = int(members.sum()), int((~members).sum())
    found = found_beyond(math.floor(at * strangers), scores[members], scores[~members])
    low, high = _clopper_pearson(np.array([found]), total, confidence)
    return Rate(
        at=at,
        value=found / total,
        low=float(low[0]),
        high=float(high[0]),
        reliable=strangers >= POINTS[at],
    )


def found_beyond(alarms: int, wanted: np.ndarray, others: np.ndarray) -> int:
    """How many of the wanted scores lie above all but so many of the others'."""
    return int((wanted > np.sort(others)[-1 - alarms]).sum())


def advantage(scores: np.ndarray, members: np.ndarray, *, confidence: float) -> tuple[float, float]:
    """Largest difference of the true- and the false-positive rate, over all thresholds.

    Args:
        scores: as for :func:`curve`.
        members: as for :func:`curve`.
        confidence: in (0, 1).

    Returns:
        It, and what scores without any information stay below with this confidence: a threshold
        chosen afterwards finds something in every noise (one-sided Kolmogorov-Smirnov law).
    """
    both = curve(scores, members, confidence=confidence)
    counts = int(members.sum()), int((~members).sum())
    chance = math.sqrt(-math.log(1 - confidence) / 2 * sum(counts) / math.prod(counts))
    return float((both.tpr - both.fpr).max()), min(chance, 1.0)


def _clopper_pearson(
    found: np.ndarray, total: int, confidence: float
) -> tuple[np.ndarray, np.ndarray]:
    tail = (1 - confidence) / 2
    # At 0 and at all of them the beta law degenerates; the bound is then the end itself.
    low = np.where(found > 0, beta.ppf(tail, np.maximum(found, 1), total - found + 1), 0.0)
    high = np.where(found < total, beta.ppf(1 - tail, found + 1, np.maximum(total - found, 1)), 1.0)
    return low, high
