"""Weighting what a ghost kept, so that one ordinary gradient gives the clipped sum."""

from __future__ import annotations

import torch
from torch import Tensor

from workbench.dpsgd.bookkeeping.layout import Layout


def weighted(layout: Layout, weights: Tensor, one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """Weight the records of a product of two factors.

    Args:
        layout: of the records.
        weights: ``(U,)``; at 0 both factors are emptied, for 0 times infinity would not be 0.
        one: ``(B, ...)``.
        other: ``(B, ...)``.

    Returns:
        The two factors; the smaller one carries the weights.
    """
    weights = layout.spread(weights)
    if (weights == 0).any():
        one, other = (
            torch.where(_along(weights, part) == 0, part.new_zeros(()), part)
            for part in (one, other)
        )
    if one.numel() <= other.numel():
        return one * _along(weights, one), other
    return one, other * _along(weights, other)


def _along(weights: Tensor, part: Tensor) -> Tensor:
    return weights.to(part.dtype).view(-1, *[1] * (part.dim() - 1))
