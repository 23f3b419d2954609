"""What somebody draws who has never seen a slice: bodies of ellipses with one organ marked."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

ORGANS = (4, 8)


def sketches(count: int, size: int, seed: int) -> tuple[Tensor, Tensor]:
    """Drawings and the masks of the organ that is marked in each.

    Args:
        count: N, how many.
        size: side in pixels.
        seed: of everything in them.

    Returns:
        float32 ``(N, 1, H, W)`` in [0, 1], and int64 of the same shape, 0 or 1.
    """
    rng = np.random.default_rng(seed)
    drawn = [_sketch(rng, size) for _ in range(count)]
    images, masks = (np.stack(part)[:, None] for part in zip(*drawn, strict=True))
    return torch.from_numpy(images).float(), torch.from_numpy(masks).long()


def _sketch(rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    image, mask = np.zeros((size, size)), np.zeros((size, size), dtype=bool)
    body = _ellipse(rng, size, spread=0.05, radii=(0.25, 0.48))
    image[body] = rng.uniform(0.2, 0.6)
    for _ in range(rng.integers(*ORGANS)):
        mask = _ellipse(rng, size, spread=0.25, radii=(0.03, 0.2)) & body
        image[mask] = rng.uniform(0.1, 1.0)
    return image, mask


def _ellipse(
    rng: np.random.Generator, size: int, *, spread: float, radii: tuple[float, float]
) -> np.ndarray:
    """Turned at random, its middle within ``spread`` of the picture's; lengths in sides."""
    y, x = np.mgrid[:size, :size] / (size - 1) - 0.5
    x, y = x - rng.uniform(-spread, spread), y - rng.uniform(-spread, spread)
    angle = rng.uniform(0, np.pi)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    inside: np.ndarray = (along / rng.uniform(*radii)) ** 2 + (
        across / rng.uniform(*radii)
    ) ** 2 < 1
    return inside
