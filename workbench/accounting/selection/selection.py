"""The best of several trainings, and nothing else, shown: what that costs.

By Rényi divergences, as Papernot and Steinke (2022) prove it. Koskela, Redberg, Wang (2024) reach
lower values from privacy profiles, which are not computed here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from workbench.accounting.composition import composed_epsilon
from workbench.accounting.guarantee import Guarantee, Unit
from workbench.accounting.mechanism import Mechanism
from workbench.accounting.pld import COARSE
from workbench.accounting.selection.counts import NegativeBinomial, RunCount
from workbench.accounting.selection.renyi import ORDERS, worst_divergences
from workbench.accounting.selection.theorems import best_of_negative_binomial, best_of_poisson
from workbench.errors import BadInput, check_range

ACCOUNTANT: Final = "RDP with private selection (Papernot, Steinke 2022)"

CONDITIONS: Final = (
    "the number of runs is drawn in secret from the distribution named, and neither it nor what "
    "tells it, such as the time taken, is shown",
    "every run draws its settings from the same candidates anew, in the same way whatever came "
    "before, and draws noise and sampling of its own",
    "nothing but the winner is shown, with its own settings and score: no other curve, score, "
    "weight or picture, to nobody, not while the runs go on either",
    "the score that decides is computed on data that are public, the same for every run and never "
    "trained on by any of them, or its own cost is added",
    "ties are broken by a rule that does not look at the data",
)
"""What must be true, all of it, so that the epsilon of a selection holds."""

_LEAST_TOLL, _MOST_DELTA, _LOOKS = 1e-3, 0.9, 28
"""Deltas of one run that a Poisson number of runs is reckoned from, the first one over its mean."""


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What showing only the best of a random number of runs costs, where the conditions hold.

    Whether they do, nobody can see from the runs. Runs that were watched while they trained, as
    in any panel with live curves, have been shown, and then all of them are paid for.

    Attributes:
        epsilon: of the winner; infinite where a candidate has no noise.
        delta: in (0, 1).
        unit: what is protected.
        count: distribution of the number of runs.
        assumptions: what is public besides the candidates and that distribution.
    """

    epsilon: float
    delta: float
    unit: Unit
    count: RunCount
    assumptions: tuple[str, ...] = ()

    @property
    def conditions(self) -> tuple[str, ...]:
        """What must be true so that the epsilon holds, one sentence part each."""
        return CONDITIONS

    @property
    def guarantee(self) -> Guarantee:
        """The statement on the winner, which holds under :attr:`conditions` only."""
        if math.isinf(self.epsilon):
            return Guarantee.none("a candidate trains without noise")
        return Guarantee(
            epsilon=self.epsilon,
            delta=self.delta,
            unit=self.unit,
            sampling=f"best of a random number of runs ({self.count})",
            accountant=ACCOUNTANT,
            assumptions=(
                "the candidates",
                "the distribution of the number of runs",
                *self.assumptions,
            ),
        )

    def __str__(self) -> str:
        return f"{self.guarantee} It holds only if {'; '.join(self.conditions)}."


def select_best(
    candidates: Sequence[Mechanism],
    count: RunCount,
    *,
    delta: float,
    unit: Unit,
    assumptions: tuple[str, ...] = (),
) -> Selection:
    """The price of the winner among runs of these kinds.

    Args:
        candidates: what one run may be, one or more; every run is one of them.
        count: distribution of the number of runs.
        delta: in (0, 1).
        unit: what the mechanisms protect.
        assumptions: what is public besides the candidates and that distribution.

    Raises:
        BadInput: there is no candidate, or delta lies outside its range.
    """
    epsilon = best_of_epsilon(candidates, count, delta)
    return Selection(epsilon=epsilon, delta=delta, unit=unit, count=count, assumptions=assumptions)


def selection_epsilon(mechanism: Mechanism, distribution: RunCount, delta: float) -> float:
    """Epsilon of the best of a random number of runs of the same mechanism.

    Args:
        mechanism: one run.
        distribution: of the number of runs.
        delta: in (0, 1).

    Returns:
        An upper bound under :data:`CONDITIONS`; infinite without noise.

    Raises:
        BadInput: delta lies outside its range.
    """
    return best_of_epsilon([mechanism], distribution, delta)


def best_of_epsilon(candidates: Sequence[Mechanism], distribution: RunCount, delta: float) -> float:
    """Epsilon of the best of a random number of runs that differ in what they cost.

    At each order the dearest candidate counts, so the draw among them may favour any of them.

    Args:
        candidates: what one run may be, one or more.
        distribution: of the number of runs.
        delta: in (0, 1).

    Returns:
        An upper bound under :data:`CONDITIONS`; infinite where a candidate has no noise.

    Raises:
        BadInput: there is no candidate, or delta lies outside its range.
    """
    if not candidates:
        raise BadInput("Name at least one candidate to select from.", field="candidates")
    check_range("delta", delta, "(0, 1)")
    dearest = _undominated(candidates)
    single = worst_divergences(dearest)
    if np.isinf(single).all():
        return math.inf
    if isinstance(distribution, NegativeBinomial):
        return epsilon_at(best_of_negative_binomial(single, distribution), delta)
    hats = _delta_hats(dearest, distribution.mean)
    return epsilon_at(best_of_poisson(single, hats, distribution), delta)


def epsilon_at(divergences: np.ndarray, delta: float, orders: np.ndarray = ORDERS) -> float:
    """Epsilon from Rényi divergences (Canonne, Kamath, Steinke 2020, Proposition 12).

    Args:
        divergences: ``(O,)``.
        delta: in (0, 1).
        orders: ``(O,)``, all above 1.
    """
    from dp_accounting.rdp import compute_epsilon

    return float(compute_epsilon(orders.tolist(), divergences.tolist(), delta)[0])


def _undominated(candidates: Sequence[Mechanism]) -> list[Mechanism]:
    """Those that no other is dearer than whatever the measure: noise, rate, steps and group."""

    def covers(one: Mechanism, other: Mechanism) -> bool:
        return (
            one.noise_multiplier <= other.noise_multiplier
            and one.sample_rate >= other.sample_rate
            and one.steps >= other.steps
            and one.group >= other.group
        )

    distinct = sorted(set(candidates))
    return [
        one for one in distinct if not any(covers(other, one) for other in distinct if other != one)
    ]


def _delta_hats(candidates: Sequence[Mechanism], mean: float) -> np.ndarray:
    """At each order the delta at which one run has epsilon ln(1 + 1 / (order - 1)).

    By privacy loss distributions, which waste less of it than divergences do. Delta is convex in
    epsilon, so that straight lines between bounds are bounds; (0, 1) always is one.
    """
    deltas = np.geomspace(min(_LEAST_TOLL / mean, _MOST_DELTA / 2), _MOST_DELTA, _LOOKS)
    epsilons = [
        max(composed_epsilon([each], float(delta), grid=COARSE) for each in candidates)
        for delta in deltas
    ]
    known, first = np.unique([*epsilons, 0.0], return_index=True)
    allowed = np.log1p(1 / (ORDERS - 1))
    hats: np.ndarray = np.interp(allowed, known, np.append(deltas, 1.0)[first])
    return hats
