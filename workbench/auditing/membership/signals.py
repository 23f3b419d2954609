"""What an attack on membership holds: what a target and its references say of every unit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.errors import BadInput


@dataclass(frozen=True, kw_only=True, eq=False)
class Signals:
    """Signals of U units that may have trained the target, and of Z that trained nobody.

    A signal is the logit of a confidence: the higher, the better the network does on the unit.

    Attributes:
        target: float ``(U,)``, of the network that is attacked.
        references: float ``(R, U)``, of networks that were trained in the same way.
        trained_on: bool ``(R, U)``, which units each reference was trained on.
        population: float ``(Z,)``, of the target on units that none of the networks trained on.
        population_references: float ``(R, Z)``, of the references on them.

    Raises:
        BadInput: shapes do not fit, a signal is not finite, or a unit has no reference that
            trained on it, or none that did not.
    """

    target: np.ndarray
    references: np.ndarray
    trained_on: np.ndarray
    population: np.ndarray
    population_references: np.ndarray

    def __post_init__(self) -> None:
        models, units = self.references.shape
        held_out = self.population.shape
        if (
            self.target.shape != (units,)
            or self.trained_on.shape != (models, units)
            or self.population_references.shape != (models, *held_out)
        ):
            raise BadInput("Target, references and memberships must be of the same units.")
        for name in ("target", "references", "population", "population_references"):
            if not np.isfinite(getattr(self, name)).all():
                raise BadInput(
                    f"A signal of the {name.replace('_', ' of the ')} is not a number; "
                    "the network's weights are damaged, or its training diverged."
                )
        every = self.trained_on.sum(axis=0)
        if ((every == 0) | (every == models)).any():
            raise BadInput(
                "Some units have no reference that trained on them, or none that did not; take "
                "references in pairs of complementary halves.",
                field="references",
            )

    @property
    def models(self) -> int:
        """How many references there are."""
        return len(self.references)


def mean_where(values: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Means over the models of a choice, ``(U,)``.

    Args:
        values: ``(R, U)``.
        where: bool ``(R, U)``, at least one of every column.
    """
    return np.where(where, values, 0).sum(axis=0) / where.sum(axis=0)
