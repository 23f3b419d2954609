"""A small convolutional network for classification, quick enough for a workshop laptop."""

from __future__ import annotations

from torch import nn


def small_cnn(*, size: int, classes: int) -> nn.Module:
    """Three strided convolutions and one linear layer.

    ELU instead of ReLU: gradients clipped to one norm like bounded, smooth activations
    (Papernot et al. 2021), and max-pooling is left out for the same reason.

    Args:
        size: side of the square input in pixels, a multiple of 8.
        classes: number of classes, >= 2.

    Returns:
        A network from ``(B, 1, size, size)`` to logits ``(B, classes)``.
    """
    return nn.Sequential(
        nn.Conv2d(1, 16, 5, stride=2, padding=2),
        nn.ELU(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1),
        nn.GroupNorm(4, 32),
        nn.ELU(),
        nn.Conv2d(32, 32, 3, stride=2, padding=1),
        nn.GroupNorm(4, 32),
        nn.ELU(),
        nn.Flatten(),
        nn.Linear(32 * (size // 8) ** 2, classes),
    )
