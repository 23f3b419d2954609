"""Which units take part in a step: Poisson sampling, as the accountant assumes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from workbench.accounting.guarantee import Unit
from workbench.dpsgd.randomness import RandomStream
from workbench.errors import BadInput


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


def draw_records(
    units: Units, sample_rate: float, stream: RandomStream, *, rank: int = 0, world: int = 1
) -> np.ndarray:
    """Record numbers of one Poisson draw: each unit comes, with all its records, or stays away.

    Every unit is included independently with probability ``sample_rate``; an empty draw is a
    valid draw. Of several processes each decides about all units and keeps those that are its
    own, unit u belonging to process u modulo ``world``. With one seed in all processes they draw
    together what one process would draw. With secure streams each follows its own decisions, and
    every unit is still decided upon once, independently, at the same rate.

    Args:
        units: whose records there are.
        sample_rate: q, 0 to 1.
        stream: where the decisions come from.
        rank: this process, 0 to ``world`` - 1.
        world: how many processes train together.

    Returns:
        int ``(K,)``, sorted by unit so that a unit's records lie together.

    Raises:
        BadInput: the rate is no probability, or there is no such process.
    """
    if not 0 <= sample_rate <= 1:
        raise BadInput(
            f"Sample rate must be between 0 and 1, not {sample_rate:g}.", field="sample_rate"
        )
    if not 0 <= rank < world:
        raise BadInput(f"Rank must be 0 to {world - 1} of {world} processes, not {rank}.")
    included = stream.uniform(units.count) < sample_rate
    included &= np.arange(units.count) % world == rank
    records = np.flatnonzero(included[units.of_record])
    return records[np.argsort(units.of_record[records], kind="stable")]


def rate_of(batch_size: int, count: int) -> float:
    """The sample rate at which a draw is expected to hold this many units.

    Args:
        batch_size: expected units in a draw, 1 to ``count``.
        count: how many units there are.

    Returns:
        The float nearest to ``batch_size / count``, in (0, 1].

    Raises:
        BadInput: the batch is empty or larger than the set.
    """
    return float(_share(batch_size, count))


def steps_of(epochs: int, batch_size: int, count: int) -> int:
    """How many steps at :func:`rate_of` make every unit expected to come ``epochs`` times.

    Counted in fractions: by way of the rate, ``int(1 / (1 / n))`` is one short for n = 93, 99,
    105 and more.

    Args:
        epochs: how often a unit is expected to come, >= 1.
        batch_size: expected units in a draw, 1 to ``count``.
        count: how many units there are.

    Returns:
        The smallest number of steps that is enough.

    Raises:
        BadInput: no epoch, or the batch is empty or larger than the set.
    """
    if epochs < 1:
        raise BadInput(f"Epochs must be at least 1, not {epochs}.", field="epochs")
    return math.ceil(epochs / _share(batch_size, count))


def _share(batch_size: int, count: int) -> Fraction:
    if not 1 <= batch_size <= count:
        raise BadInput(
            f"Batch size must be between 1 and the {count} units there are, not {batch_size}.",
            field="batch_size",
        )
    return Fraction(batch_size, count)
