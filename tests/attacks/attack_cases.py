"""Pictures to attack, and how to run an attack to its end."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workbench.models.losses import Task


def picture(size: int, seed: int = 0) -> np.ndarray:
    """A body with organs: bright ellipses on a dark ground, float32 (H, W)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] / (size - 1) - 0.5
    image = np.where((x / 0.46) ** 2 + (y / 0.4) ** 2 < 1, 0.4, 0.0)
    for _ in range(5):
        cx, cy = rng.uniform(-0.25, 0.25, 2)
        rx, ry = rng.uniform(0.05, 0.18, 2)
        inside = ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 < 1
        image = np.where(inside, rng.uniform(0.2, 1.0), image)
    return image.astype(np.float32)


def batch(size: int, records: int, task: Task) -> tuple[Tensor, Tensor]:
    images = torch.from_numpy(np.stack([picture(size, seed) for seed in range(records)]))[:, None]
    if task == "segmentation":
        return images, (images > 0.6).long()
    return images, torch.arange(records) % 2


def end(steps: Generator[Any, None, Any]) -> Any:
    """What a generator returns, its events passed over."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value
