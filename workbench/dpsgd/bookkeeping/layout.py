"""Which records of a chunk belong to which privacy unit, in the form that sums need."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Layout:
    """How the records of a chunk lie: one per unit, view after view, or in any order.

    Units are numbered in the order in which they first appear.

    Attributes:
        records: B, how many records.
        units: U, how many units.
        views: K where the chunk is K blocks that each hold every unit once, in the same order
            (augmented views tiled one after another; K = 1 is a record per unit); 0 elsewhere.
        unit_of_record: int64 ``(B,)`` on the device of the network; ``None`` where views > 0.
        counts: float64 ``(B,)``, how many records the unit of each record has.
    """

    records: int
    units: int
    views: int
    unit_of_record: Tensor | None
    counts: Tensor

    @staticmethod
    def single(records: int) -> Layout:
        """Every record is a unit of its own."""
        return _single(records)

    @classmethod
    def of(cls, unit_of_record: np.ndarray, device: torch.device) -> Layout:
        """The layout of records that belong to these units, int ``(B,)``, B >= 1."""
        numbers = np.asarray(unit_of_record)
        if (numbers[1:] > numbers[:-1]).all():
            return cls.single(len(numbers))
        _, first, index = np.unique(numbers, return_index=True, return_inverse=True)
        records, units = len(numbers), len(first)
        if units == records:
            return cls.single(records)
        counts = torch.from_numpy(np.bincount(index)[index].astype(np.float64))
        if records % units == 0 and (numbers.reshape(-1, units) == numbers[:units]).all():
            return cls(records, units, records // units, None, counts)
        rank = np.empty(units, dtype=np.int64)
        rank[np.argsort(first)] = np.arange(units)
        return cls(records, units, 0, torch.from_numpy(rank[index]).to(device), counts)

    def sum_records(self, rows: Tensor) -> Tensor:
        """Add what belongs to one unit: ``(B, ...)`` to ``(U, ...)``."""
        if self.views == 1:
            return rows
        if self.views:
            return rows.view(self.views, self.units, *rows.shape[1:]).sum(0)
        assert self.unit_of_record is not None
        sums = rows.new_zeros(self.units, *rows.shape[1:])
        return sums.index_add_(0, self.unit_of_record, rows)

    def spread(self, values: Tensor) -> Tensor:
        """Give every record the value of its unit: ``(U,)`` to ``(B,)``."""
        if self.views == 1:
            return values
        if self.views:
            return values.repeat(self.views)
        assert self.unit_of_record is not None
        return values[self.unit_of_record]

    def rows_of(self, unit: int) -> Tensor:
        """The numbers of a unit's records, int64 ``(k,)``."""
        if self.views:
            return torch.arange(unit, self.records, self.units)
        assert self.unit_of_record is not None
        return torch.nonzero(self.unit_of_record.eq(unit)).flatten()

    def side_by_side(self, positions: Tensor) -> Tensor:
        """Join the positions of a unit's records: ``(B, L, C)`` to ``(U, k * L, C)``.

        k is the largest number of records of a unit; smaller units are filled up with zeros,
        which add nothing to any product.
        """
        if self.views == 1:
            return positions
        _, length, channels = positions.shape
        if self.views:
            joined = positions.view(self.views, self.units, length, channels).transpose(0, 1)
        else:
            slots = self._slots()
            padded = torch.cat([positions, positions.new_zeros(1, length, channels)])
            joined = padded[slots.to(positions.device)]
        return joined.reshape(self.units, -1, channels)

    def _slots(self) -> Tensor:
        """Record numbers by unit, int64 ``(U, k)``; B stands where a unit has no more records."""
        assert self.unit_of_record is not None
        order = torch.argsort(self.unit_of_record, stable=True).cpu()
        counts = torch.bincount(self.unit_of_record.cpu(), minlength=self.units)
        column = torch.arange(self.records) - (counts.cumsum(0) - counts).repeat_interleave(counts)
        slots = torch.full((self.units, int(counts.max())), self.records)
        slots[torch.arange(self.units).repeat_interleave(counts), column] = order
        return slots


@cache
def _single(records: int) -> Layout:
    return Layout(records, records, 1, None, torch.ones(records, dtype=torch.float64))
