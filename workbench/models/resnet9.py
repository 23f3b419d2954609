"""ResNet-9 with GroupNorm, the usual classifier of DP-SGD benchmarks (De et al. 2022)."""

from __future__ import annotations

from torch import Tensor, nn


def resnet9(*, classes: int, width: int = 16) -> nn.Module:
    """Eight convolutions, two residual pairs among them, global average pooling, one linear layer.

    Args:
        classes: number of classes, >= 2.
        width: channels of the first layer, a multiple of 4; the last has eight times as many.

    Returns:
        A network from ``(B, 1, H, W)``, H and W at least 16, to logits ``(B, classes)``.
    """
    return nn.Sequential(
        _conv(1, width, stride=2),
        _conv(width, 2 * width, stride=2),
        _Residual(2 * width),
        _conv(2 * width, 4 * width, stride=2),
        _conv(4 * width, 8 * width, stride=2),
        _Residual(8 * width),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8 * width, classes),
    )


def _conv(inputs: int, outputs: int, stride: int = 1) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
        nn.GroupNorm(4, outputs),
        nn.ELU(),
    )


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(_conv(channels, channels), _conv(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.body(x)
        return out
