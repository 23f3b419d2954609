"""How well one attack did: its figures, each with what is known about it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from workbench.auditing.estimators import clopper_pearson, steinke
from workbench.auditing.estimators.clopper_pearson import Errors
from workbench.auditing.estimators.steinke import Guesses
from workbench.auditing.membership.auc import Interval, auc
from workbench.auditing.membership.roc import POINTS, Rate, advantage, found_beyond, rate_at

_GUESSED = (10, 1)
"""One in so many units is guessed: those whose scores say most, and all. Fixed beforehand."""


@dataclass(frozen=True, kw_only=True)
class Success:
    """What an attack achieved on one target; every interval is over units, not over trainings.

    Attributes:
        auc: area under the ROC curve.
        rates: shares of members found at low false-positive rates.
        advantage: largest distance of true- over false-positive rate, over all thresholds.
        advantage_by_chance: what blind scores stay below.
        epsilon_clopper_pearson: lower bound on epsilon from error counts, if units are independent.
        epsilon_steinke: lower bound on epsilon from the coins alone.
    """

    auc: Interval
    rates: tuple[Rate, ...]
    advantage: float
    advantage_by_chance: float
    epsilon_clopper_pearson: float
    epsilon_steinke: float


def success(scores: np.ndarray, members: np.ndarray, *, delta: float, confidence: float) -> Success:
    """Measure an attack by its scores.

    Args:
        scores: ``(U,)``, higher for units more likely to have trained.
        members: bool ``(U,)``, decided by fair, independent coins.
        delta: of the bounds on epsilon, in (0, 1).
        confidence: of each interval and bound, in (0, 1).
    """
    above, by_chance = advantage(scores, members, confidence=confidence)
    return Success(
        auc=auc(scores, members, confidence=confidence),
        rates=tuple(rate_at(at, scores, members, confidence=confidence) for at in POINTS),
        advantage=above,
        advantage_by_chance=by_chance,
        epsilon_clopper_pearson=_from_errors(scores, members, delta, 1 - confidence),
        epsilon_steinke=_from_guesses(scores, members, delta, 1 - confidence),
    )


def _from_errors(scores: np.ndarray, members: np.ndarray, delta: float, level: float) -> float:
    """The best of some thresholds, each a rank fixed beforehand (Bonferroni).

    At the upper end the rank is among strangers, at the lower end among members.
    """
    inside, outside = scores[members], scores[~members]
    errors = []
    for at in POINTS:
        alarms, misses = math.floor(at * len(outside)), math.floor(at * len(inside))
        missed = len(inside) - found_beyond(alarms, inside, outside)
        accused = len(outside) - found_beyond(misses, -outside, -inside)
        errors += [(alarms, missed), (accused, misses)]
    return max(
        clopper_pearson.epsilon_bound(
            Errors(false_alarms=alarms, outsiders=len(outside), misses=misses, members=len(inside)),
            delta,
            level / len(errors),
        )
        for alarms, misses in errors
    )


def _from_guesses(scores: np.ndarray, members: np.ndarray, delta: float, level: float) -> float:
    """Steinke, Nasr, Jagielski 2023: the highest scores are guessed in, as many lowest out."""
    right = members[np.argsort(scores, kind="stable")]
    count = len(right)
    guesses = []
    for share in _GUESSED:
        each = max(1, count // (2 * share))
        correct = int((~right[:each]).sum() + right[count - each :].sum())
        guesses.append(Guesses(correct=correct, made=2 * each))
    return steinke.epsilon_bound(guesses, count, delta, level)
