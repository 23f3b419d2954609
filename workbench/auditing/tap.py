"""Coordinates of their own for canaries, beside the network that is trained."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


class Tapped(nn.Module):
    """A network with a vector of coordinates that only canaries move.

    Every canary's loss is ``pull * tap[its coordinate]``: its gradient lies along that coordinate
    alone, is far longer than any clipping norm, and is therefore clipped to exactly that norm.
    Natural records reach coordinate 0, weighted with 0, so that they move the network only.

    Args:
        network: what is trained.
        coordinates: canaries and nulls together; one more is held for natural records.
        seen: told the numbers of the records of every forward pass in training mode.
    """

    def __init__(
        self, network: nn.Module, coordinates: int, seen: Callable[[Tensor], None]
    ) -> None:
        super().__init__()
        self.network = network
        self.tap = nn.Embedding(coordinates + 1, 1)
        nn.init.zeros_(self.tap.weight)
        self._seen = seen

    def forward(
        self, images: Tensor, coordinates: Tensor, numbers: Tensor
    ) -> tuple[Tensor, Tensor]:
        """What the network says, and where the canaries stand.

        Args:
            images: float32 ``(B, 1, H, W)``.
            coordinates: int64 ``(B,)``, 0 for natural records.
            numbers: int64 ``(B,)``, which records these are.

        Returns:
            The network's outputs and ``(B,)``.
        """
        if self.training and torch.is_grad_enabled():
            self._seen(numbers)
        # A column, because torch's expanded weights do not look up a plain vector.
        return self.network(images), self.tap(coordinates[:, None])[:, 0, 0]
