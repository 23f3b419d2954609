"""What is claimed of a training, and what an audit tries to refute."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from workbench.accounting.guarantee import Guarantee, Unit
from workbench.accounting.mechanism import Mechanism
from workbench.accounting.pld import epsilon_spent
from workbench.errors import BadInput, check_choice, check_range

ADJACENCY = "add or remove one"

_UNSTATED: Any = None


@dataclass(frozen=True, kw_only=True)
class Claim:
    """Steps of the Poisson-subsampled Gaussian mechanism, and whom they protect.

    Args:
        noise_multiplier: standard deviation of the noise over the clipping norm, > 0.
        sample_rate: probability with which a unit takes part in a step, in (0, 1].
        steps: releases that were charged, >= 1.
        delta: in (0, 1).
        unit: what is protected, a ``"patient"`` or a ``"slice"``.
        adjacency: which data sets count as neighbours; only ``"add or remove one"`` is audited.

    Raises:
        BadInput: a part is missing or out of its range; an epsilon without delta, unit and
            adjacency claims nothing.
    """

    noise_multiplier: float
    sample_rate: float
    steps: int
    delta: float = _UNSTATED
    unit: Unit = _UNSTATED
    adjacency: str = _UNSTATED

    def __post_init__(self) -> None:
        for name in ("delta", "unit", "adjacency"):
            if getattr(self, name) is None:
                raise BadInput(
                    f"A claim without {name} cannot be audited; state delta, unit and adjacency.",
                    field=name,
                )
        check_range("noise_multiplier", self.noise_multiplier, "(0, inf)")
        check_range("sample_rate", self.sample_rate, "(0, 1]")
        check_range("steps", self.steps, "[1, inf)")
        check_range("delta", self.delta, "(0, 1)")
        check_choice("unit", self.unit, ("patient", "slice"))
        check_choice("adjacency", self.adjacency, (ADJACENCY,))

    @property
    def mechanism(self) -> Mechanism:
        """What the accountant needs to know of it."""
        return Mechanism(
            noise_multiplier=self.noise_multiplier,
            sample_rate=self.sample_rate,
            steps=self.steps,
        )

    @cached_property
    def epsilon(self) -> float:
        """What the accountant of record says of a correct implementation."""
        return epsilon_spent(
            noise_multiplier=self.noise_multiplier,
            sample_rate=self.sample_rate,
            steps=self.steps,
            delta=self.delta,
        )

    @property
    def guarantee(self) -> Guarantee:
        """The same as a statement with everything it rests on."""
        return Guarantee(
            epsilon=self.epsilon,
            delta=self.delta,
            unit=self.unit,
            adjacency=self.adjacency,
            sampling=f"Poisson q = {self.sample_rate:g}, {self.steps} steps",
        )
