"""What a run guarantees, as one object: an epsilon never travels alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Unit = Literal["patient", "slice"]


@dataclass(frozen=True, kw_only=True)
class Guarantee:
    """An (epsilon, delta) differential-privacy statement with everything it rests on.

    Attributes:
        epsilon: the budget; infinity where nothing is guaranteed.
        delta: the probability that the epsilon statement may fail, in (0, 1).
        unit: what is protected, one ``"patient"`` or one ``"slice"``.
        adjacency: which data sets count as neighbours (``"add or remove one"``).
        sampling: how records came into a step (``"Poisson q = 0.05, 300 steps"``).
        accountant: how epsilon was computed (``"PLD"``).
        assumptions: what is taken as public or trusted.
        void: why the statement does not hold although noise was added; empty where it does.
    """

    epsilon: float
    delta: float
    unit: Unit = "patient"
    adjacency: str = "add or remove one"
    sampling: str = ""
    accountant: str = "PLD"
    assumptions: tuple[str, ...] = ()
    void_reason: str = ""

    @classmethod
    def none(cls, reason: str = "trained without noise") -> Guarantee:
        """The statement of a run that protects nobody."""
        return cls(epsilon=math.inf, delta=0.0, accountant="none", void_reason=reason)

    @classmethod
    def void(cls, reason: str) -> Guarantee:
        """The statement of a demonstration: noise was added, but it can be computed again."""
        return cls(epsilon=math.inf, delta=0.0, accountant="none", void_reason=reason)

    @property
    def private(self) -> bool:
        """Whether anything is guaranteed at all."""
        return math.isfinite(self.epsilon) and not self.void_reason

    def __str__(self) -> str:
        if not self.private:
            return f"No privacy guarantee: {self.void_reason or 'epsilon is infinite'}."
        assumed = f"; assumed public: {', '.join(self.assumptions)}" if self.assumptions else ""
        return (
            f"({round_up(self.epsilon)}, {self.delta:g})-DP per {self.unit}, {self.adjacency}, "
            f"{self.sampling}, {self.accountant}{assumed}."
        )


def round_up(epsilon: float, digits: int = 2) -> str:
    """An epsilon as text, never smaller than it is: rounded up at this many decimals."""
    if not math.isfinite(epsilon):
        return "∞"
    if epsilon >= 1e4:
        exponent = math.floor(math.log10(epsilon))
        return f"{math.ceil(epsilon / 10 ** (exponent - 1)) / 10:.1f}e{exponent}"
    scale = 10**digits
    return f"{math.ceil(round(epsilon * scale, 6)) / scale:.{digits}f}"
