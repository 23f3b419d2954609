"""How far scores of several seeds lie apart, said no more surely than so few allow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from scipy.stats import binom, t

LEVEL: Final = 0.95

_LEAST_FOR_T: Final = 3
_LEAST_FOR_RANKS: Final = 6
"""With fewer, not even lowest and highest enclose the median with a probability of 95 %."""


class Spread(NamedTuple):
    """The middle of some scores, and an interval with the name of what it is.

    Attributes:
        median: of the scores.
        low, high: of the interval.
        words: what the interval is (``"range of 2 seeds"``, ``"95 % t interval, 3 seeds"``).
    """

    median: float
    low: float
    high: float
    words: str


def spread(scores: Sequence[float], bounds: tuple[float, float]) -> Spread:
    """Median and interval of scores that differ in their seed alone.

    Below three seeds the interval is the range and claims no more. From three to five it is
    Student's t interval of the mean, which takes scores over seeds as normal, so that mean and
    median are the same; it always contains the median. From six on it lies between two of the
    sorted scores and holds for the median of any distribution (David, Nagaraja 2003, sec. 7.1).

    Args:
        scores: one or more, none of them NaN.
        bounds: lowest and highest score that there can be; the interval is cut there.
    """
    ordered = np.sort(np.asarray(scores, dtype=np.float64))
    count = len(ordered)
    if count < _LEAST_FOR_T:
        low, high = ordered[0], ordered[-1]
        said = "one seed" if count == 1 else f"range of {count} seeds"
    elif count < _LEAST_FOR_RANKS:
        reach = t.ppf((1 + LEVEL) / 2, count - 1) * ordered.std(ddof=1) / np.sqrt(count)
        low, high = ordered.mean() - reach, ordered.mean() + reach
        said = f"95 % t interval, {count} seeds"
    else:
        outside = _cut(count)
        low, high = ordered[outside], ordered[-1 - outside]
        said = f"95 % rank interval of the median, {count} seeds"
    low, high = np.clip([low, high], *bounds)
    return Spread(float(np.median(ordered)), float(low), float(high), said)


def _cut(count: int) -> int:
    """How many of the sorted scores may be left out at each end."""
    outside = 0
    # The median lies below the (k+1)-th of n with the probability of at most k heads in n tosses.
    while 2 * binom.cdf(outside + 1, count, 0.5) <= 1 - LEVEL:
        outside += 1
    return outside
