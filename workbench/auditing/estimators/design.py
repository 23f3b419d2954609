"""What is fixed before a training so that what it shows cannot be chosen afterwards."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_CALIBRATING = 8
"""One null coordinate in so many tells the noise for the score; the others are outsiders."""


@dataclass(frozen=True, kw_only=True)
class Design:
    """Sizes, thresholds and numbers of guesses.

    Attributes:
        canaries: coordinates with a record that a fair coin puts in or leaves out.
        nulls: coordinates without a record.
        few_alarms: false-positive rate of the threshold for Clopper and Pearson's bound.
        many_alarms: that of the end-to-end test.
        steinke: numbers of guesses that are made, each even, 2 to ``canaries``.
        one_run: the same for the bound from a trade-off curve.
        noise_multiplier: at which the score is the best there is: the claimed one.
    """

    canaries: int
    nulls: int
    few_alarms: float
    many_alarms: float
    steinke: tuple[int, ...]
    one_run: tuple[int, ...]
    noise_multiplier: float

    @property
    def calibrating(self) -> np.ndarray:
        """Null coordinates from which the score's noise level is taken, as bool ``(K,)``."""
        return np.arange(self.nulls) % _CALIBRATING == 0

    @property
    def outsiders(self) -> int:
        """Scores of those who did not take part, if half of the canaries did."""
        return self.nulls - int(self.calibrating.sum()) + self.canaries - self.members

    @property
    def members(self) -> int:
        """Half of the canaries."""
        return self.canaries // 2


def rank(alarms: float, outsiders: int) -> int:
    """Which of the outsiders' highest scores is the threshold; 1 is the highest.

    Args:
        alarms: false-positive rate, in (0, 1).
        outsiders: how many there are, >= 1.
    """
    return min(max(1, round(alarms * (outsiders + 1))), outsiders)
