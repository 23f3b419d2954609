"""The budget of an account, and what still fits into it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from workbench.accounting.ledger.totals import FINE, GRID, total
from workbench.accounting.mechanism import Mechanism
from workbench.errors import check_choice, check_range

Policy = Literal["stop", "warn"]


@dataclass(frozen=True, kw_only=True)
class Budget:
    """How much may ever be learned about one patient from all runs on an account.

    Attributes:
        epsilon: of all runs composed, > 0.
        delta: at which they are composed, in (0, 1).
        policy: ``"stop"``, a run that would exceed it does not start and one that reaches it ends;
            or ``"warn"``, it is told in a sentence.

    Raises:
        BadInput: a value lies outside its range.
    """

    epsilon: float
    delta: float
    policy: Policy = "stop"

    def __post_init__(self) -> None:
        check_choice("policy", self.policy, ("stop", "warn"))
        check_range("epsilon", self.epsilon, "(0, inf)")
        below = "below one over the number of patients it means something"
        check_range("delta", self.delta, "(0, 1)", hint=below)

    def __str__(self) -> str:
        return f"epsilon {self.epsilon:g} at delta {self.delta:g}"

    def covers(self, mechanisms: Iterable[Mechanism]) -> bool:
        """Whether all of them together stay within this budget. Upper bounds decide."""
        together = list(mechanisms)
        rough = total(together, self.delta, grid=GRID)
        if rough <= self.epsilon:
            return True
        # A run calibrated to the budget itself is a hair above it on the wider grid.
        return (
            rough <= 1.2 * self.epsilon and total(together, self.delta, grid=FINE) <= self.epsilon
        )

    def room(self, others: Iterable[Mechanism], planned: Mechanism) -> int:
        """The most steps, up to those planned, that fit beside the others.

        Looked for on the wider grid, so it may be a step or two too few.
        """
        from scipy.optimize import brentq  # as in totals.py: a charge needs no accountant

        beside = list(others)
        if self.covers([*beside, planned]):
            return planned.steps

        def over(steps: float) -> float:
            spent = total([*beside, replace(planned, steps=round(steps))], self.delta)
            return min(spent, 1e12) - self.epsilon

        if over(0) > 0:
            return 0
        found = int(brentq(over, 0, planned.steps, xtol=0.5))
        return next(steps for steps in range(found + 1, -1, -1) if over(steps) <= 0)
