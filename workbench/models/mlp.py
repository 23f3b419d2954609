"""One hidden layer: the network whose gradient gives its input away exactly."""

from __future__ import annotations

from torch import nn


def mlp(*, size: int, outputs: int, hidden: int = 64) -> nn.Module:
    """A multi-layer perceptron with one hidden layer.

    Args:
        size: side of the square input in pixels.
        outputs: logits per record.
        hidden: units of the hidden layer.

    Returns:
        A network from ``(B, 1, size, size)`` to logits ``(B, outputs)``.
    """
    return nn.Sequential(
        nn.Flatten(), nn.Linear(size * size, hidden), nn.ELU(), nn.Linear(hidden, outputs)
    )
