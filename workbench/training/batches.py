"""From record numbers to what a network is fed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from workbench.training.augmentation import moved
from workbench.training.plan import Plan, targets_of


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """Some records of a draw.

    Attributes:
        images: float32 ``(B, 1, H, W)``; views of the same slices follow each other.
        targets: int64 ``(B,)`` labels or ``(B, 1, H, W)`` class indices.
        units: int ``(B,)``, the privacy unit of each.
    """

    images: Tensor
    targets: Tensor
    units: np.ndarray


def batch_of(
    plan: Plan, records: np.ndarray, units: np.ndarray, movements: torch.Generator
) -> Batch:
    """These training records, as often as ``augmentation_multiplicity`` says, each view moved.

    Args:
        plan: whose training slices.
        records: int ``(K,)``.
        units: int ``(K,)``, the unit of each.
        movements: the source of the movements.
    """
    views = plan.config.augmentation_multiplicity
    images = torch.from_numpy(plan.train.images[records])
    targets = targets_of(plan.task, plan.train, records)
    if views > 1:
        images = images.repeat(views, 1, 1, 1)
        targets = targets.repeat(views, *[1] * (targets.ndim - 1))
        units = np.tile(units, views)
        masks = targets if plan.task == "segmentation" else None
        images, masks = moved(images, masks, movements)
        targets = targets if masks is None else masks
    return Batch(images=images, targets=targets, units=units)


def chunks(units: np.ndarray, limit: int) -> Iterator[slice]:
    """Parts of a draw that fit in memory; a unit's records stay together, however many it has.

    Args:
        units: int ``(K,)``, the unit of each drawn record, equal ones side by side.
        limit: records at once, where no single unit has more.
    """
    begin = 0
    borders = [*(np.flatnonzero(np.diff(units)) + 1), len(units)]
    for end, following in zip(borders, [*borders[1:], None], strict=True):
        if following is None or following - begin > limit:
            if end > begin:
                yield slice(begin, int(end))
            begin = int(end)
