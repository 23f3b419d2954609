"""Small random movements of a slice, the same for its mask."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

MAX_TURN = math.radians(10)
MAX_SHIFT = 0.1
MAX_ZOOM = 0.15


def moved(
    images: Tensor, masks: Tensor | None, generator: torch.Generator
) -> tuple[Tensor, Tensor | None]:
    """Turn by up to 10 degrees, shift by up to a twentieth of the side, zoom by up to 15 %.

    Nothing is mirrored: a liver on the wrong side is another diagnosis.

    Args:
        images: float ``(B, 1, H, W)``.
        masks: integer ``(B, 1, H, W)`` or ``None``.
        generator: the source of the movements.
    """

    def draw(*shape: int) -> Tensor:
        return 2 * torch.rand(*shape, generator=generator) - 1

    count = len(images)
    turn = draw(count) * MAX_TURN
    zoom = 1 + draw(count) * MAX_ZOOM
    shift = draw(count, 2) * MAX_SHIFT
    rows = torch.stack(
        [
            torch.stack([zoom * turn.cos(), -zoom * turn.sin(), shift[:, 0]], dim=1),
            torch.stack([zoom * turn.sin(), zoom * turn.cos(), shift[:, 1]], dim=1),
        ],
        dim=1,
    )
    grid = F.affine_grid(rows, list(images.shape), align_corners=False).to(images)
    seen = F.grid_sample(images, grid, align_corners=False)
    if masks is None:
        return seen, None
    turned = F.grid_sample(masks.to(images), grid, mode="nearest", align_corners=False)
    return seen, turned.to(masks.dtype)
