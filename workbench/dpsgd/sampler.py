"""Which units take part in a step: Poisson sampling, as the accountant assumes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.accounting.guarantee import Unit
from workbench.dpsgd.randomness import RandomStream


@dataclass(frozen=True, kw_only=True, eq=False)
class Units:
    """The privacy units of a set: whose records they are.

    Attributes:
        unit: ``"patient"`` or ``"slice"``.
        of_record: int ``(N,)``, the unit number of every record, 0 to ``count`` - 1.
        count: how many units there are.
    """

    unit: Unit
    of_record: np.ndarray
    count: int

    @classmethod
    def of(cls, patients: np.ndarray, unit: Unit) -> Units:
        """Number the units of records that belong to these patients, ``(N,)``."""
        if unit == "slice":
            return cls(unit=unit, of_record=np.arange(len(patients)), count=len(patients))
        names, numbers = np.unique(patients, return_inverse=True)
        return cls(unit=unit, of_record=numbers, count=len(names))


def draw_records(units: Units, sample_rate: float, stream: RandomStream) -> np.ndarray:
    """Record numbers of one Poisson draw: each unit comes, with all its records, or stays away.

    Every unit is included independently with probability ``sample_rate``; an empty draw is a
    valid draw.

    Returns:
        int ``(K,)``, sorted by unit so that a unit's records lie together.
    """
    included = stream.uniform(units.count) < sample_rate
    records = np.flatnonzero(included[units.of_record])
    return records[np.argsort(units.of_record[records], kind="stable")]
