"""The PLD accountant for those who train with Opacus: ``PrivacyEngine(accountant="pld")``."""

from __future__ import annotations

from typing import Any

from opacus.accountants import IAccountant
from opacus.accountants.registry import register_accountant

from workbench.accounting.composition import FINE, composed_epsilon
from workbench.accounting.mechanism import Mechanism
from workbench.errors import BadInput


class PLDAccountant(IAccountant):
    """Counts steps as Opacus' accountants do and prices them by privacy loss distributions.

    Attributes:
        history: runs of equal steps, each (noise multiplier, sample rate, number of steps).
    """

    def __init__(self) -> None:
        self.history: list[tuple[float, float, int]] = []

    def step(self, *, noise_multiplier: float, sample_rate: float) -> None:
        """Count one step.

        Raises:
            BadInput: the sample rate is not a probability above 0.
        """
        if not 0 < sample_rate <= 1:
            raise BadInput(
                f"Sample rate must be above 0 and at most 1, not {sample_rate:g}.",
                field="sample_rate",
            )
        steps = 1
        if self.history and self.history[-1][:2] == (noise_multiplier, sample_rate):
            steps += self.history.pop()[2]
        self.history.append((noise_multiplier, sample_rate, steps))

    def get_epsilon(self, delta: float, *args: Any, grid: float = FINE, **kwargs: Any) -> float:
        """Epsilon spent so far, never below the truth.

        Args:
            delta: in (0, 1).
            *args: of other accountants; ignored, as by theirs.
            grid: as for :func:`workbench.accounting.composition.composed_epsilon`.
            **kwargs: of other accountants.
        """
        mechanisms = [
            Mechanism(noise_multiplier=noise, sample_rate=rate, steps=steps)
            for noise, rate, steps in self.history
        ]
        return composed_epsilon(mechanisms, delta, grid=grid)

    def __len__(self) -> int:
        return sum(steps for _, _, steps in self.history)

    @classmethod
    def mechanism(cls) -> str:
        """The name under which Opacus knows it."""
        return "pld"


def register() -> None:
    """Make Opacus know ``accountant="pld"``, in this process; once or several times."""
    register_accountant(PLDAccountant.mechanism(), PLDAccountant, force=True)
