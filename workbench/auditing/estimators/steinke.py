"""One training, fair coins, guesses: a bound that needs no independence (Steinke et al. 2023)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import bdtrc, expit
from scipy.stats import binom

from workbench.errors import BadInput

_HIGHEST = 50.0
"""No number of canaries that fits into a training leads to a higher epsilon."""


@dataclass(frozen=True)
class Guesses:
    """Who took part, guessed for those canaries of which one is surest.

    Attributes:
        correct: >= 0.
        made: >= 1; one abstains from the other canaries.

    Raises:
        BadInput: more are correct than were made, or none were made.
    """

    correct: int
    made: int

    def __post_init__(self) -> None:
        if not 0 <= self.correct <= self.made > 0:
            raise BadInput(
                f"{self.correct} of {self.made} guesses cannot be correct; "
                "count the correct ones among those made, of which there is one or more.",
                field="correct",
            )


def p_value(guesses: Sequence[Guesses], canaries: int, epsilon: float, delta: float) -> float:
    """How likely an (epsilon, delta)-DP training allows one of these to be so good.

    min(1, P[N >= v] + 2 m delta max_i P[v > N >= v - i] / i) with N ~ Bin(r, e^eps / (1 + e^eps)),
    v of r guesses correct and m canaries (Steinke, Nasr, Jagielski 2023, "Privacy auditing with
    one (1) training run", the analytic bound for approximate DP), times how many numbers of guesses
    were fixed beforehand (Bonferroni).

    Args:
        guesses: for every number of guesses that was fixed beforehand.
        canaries: m, each put in or left out by a fair coin of its own.
        epsilon: >= 0.
        delta: in [0, 1).
    """
    least = min(_one(each, canaries, epsilon, delta) for each in guesses)
    return min(1.0, len(guesses) * least)


def epsilon_bound(guesses: Sequence[Guesses], canaries: int, delta: float, level: float) -> float:
    """The epsilon below which :func:`p_value` is at most ``level``; at least 0."""

    def excess(epsilon: float) -> float:
        return p_value(guesses, canaries, epsilon, delta) - level

    if excess(0.0) > 0:
        return 0.0
    return float(brentq(excess, 0.0, _HIGHEST, xtol=1e-10))


def _one(guesses: Guesses, canaries: int, epsilon: float, delta: float) -> float:
    v, r, sure = guesses.correct, guesses.made, float(expit(epsilon))
    luck = float(bdtrc(v - 1, r, sure)) if v else 1.0
    if not v or not delta:
        return luck
    i = np.arange(1, v + 1)
    within = np.cumsum(binom.pmf(v - i, r, sure))
    return luck + 2 * canaries * delta * float(np.max(within / i))
