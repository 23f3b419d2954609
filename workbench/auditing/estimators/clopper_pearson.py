"""Bounds from two error counts alone: on each rate, and on epsilon at a given delta."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.optimize import brentq
from scipy.special import betainccinv

from workbench.errors import BadInput

_LEAST_LEVEL = 1e-200


@dataclass(frozen=True, kw_only=True)
class Errors:
    """How often a membership test was wrong, at one threshold that was fixed beforehand.

    The threshold may also be the score of one of those who did not take part, by a rank that was
    fixed beforehand: then the false-positive rate follows the beta distribution with parameters
    ``false_alarms + 1`` and ``outsiders - false_alarms`` whatever the scores' law is (Wilks 1941),
    and Clopper and Pearson's bound on it is the same number.

    Attributes:
        false_alarms: of those who did not take part, accused; >= 0.
        outsiders: those who did not take part, >= 1.
        misses: of those who took part, not accused; >= 0.
        members: those who took part, >= 1.

    Raises:
        BadInput: there are more errors than trials, or no trials.
    """

    false_alarms: int
    outsiders: int
    misses: int
    members: int

    def __post_init__(self) -> None:
        for errors, trials in ("false_alarms", "outsiders"), ("misses", "members"):
            if not 0 <= getattr(self, errors) <= getattr(self, trials) > 0:
                raise BadInput(
                    f"There are {getattr(self, errors)} {errors.replace('_', ' ')} among "
                    f"{getattr(self, trials)} {trials}; errors are counted among one or more.",
                    field=errors,
                )

    def rates(self, level: float) -> tuple[float, float]:
        """Upper bounds on the false-positive and the false-negative rate.

        Args:
            level: probability that one of the two does not hold, in (0, 1).
        """
        return (
            upper_rate(self.false_alarms, self.outsiders, level / 2),
            upper_rate(self.misses, self.members, level / 2),
        )


def upper_rate(errors: int, trials: int, level: float) -> float:
    """The largest rate at which so few errors have at least this probability.

    Clopper, Pearson 1934, one-sided.

    Args:
        errors: 0 to ``trials``.
        trials: independent ones with the same rate.
        level: probability that the rate is larger, in (0, 1).
    """
    if errors == trials:
        return 1.0
    return float(betainccinv(errors + 1, trials - errors, level))


def epsilon_bound(errors: Errors, delta: float, level: float) -> float:
    """A lower bound on epsilon, for independent trials and any mechanism.

    max of ln((1 - b - delta) / a) and ln((1 - a - delta) / b), with the upper bounds a and b on
    the two rates (Nasr et al. 2021, after Kairouz, Oh, Viswanath 2015).

    Args:
        errors: counted at one threshold.
        delta: in [0, 1).
        level: probability that the bound lies above the truth, in (0, 1).

    Returns:
        At least 0.
    """
    return max(0.0, _log_ratio(errors, delta, level))


def p_value(errors: Errors, epsilon: float, delta: float) -> float:
    """The smallest level at which :func:`epsilon_bound` lies above this epsilon; 1 if none does."""

    def excess(log_level: float) -> float:
        return _log_ratio(errors, delta, math.exp(log_level)) - epsilon

    lowest = math.log(_LEAST_LEVEL)
    if excess(0.0) <= 0:
        return 1.0
    if excess(lowest) > 0:
        return _LEAST_LEVEL
    return math.exp(float(brentq(excess, lowest, 0.0, xtol=1e-10)))


def _log_ratio(errors: Errors, delta: float, level: float) -> float:
    a, b = errors.rates(level)
    ratio = max((1 - b - delta) / a, (1 - a - delta) / b)
    # Finite, so that a root can be looked for: no epsilon is below it.
    return math.log(ratio) if ratio > 0 else -1e3
