"""A narrow U-Net that sees fine slices at the price of coarse ones."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

WIDTHS = (8, 16, 24, 32, 32)
"""Channels from half resolution down. Few weights: each of them gets noise in private training."""


def folded_unet(*, planes: int, widths: tuple[int, ...] = WIDTHS) -> nn.Module:
    """A U-Net on pixels folded two by two into channels (Shi et al. 2016, the other way round).

    Two convolutions at every resolution on the way down and up (Ronneberger et al. 2015), with
    GroupNorm and ELU, and nearest neighbours instead of transposed convolutions. The last layer
    says four pixels at once, which are unfolded again: a slice of 128 pixels costs what one of 64
    would, and its mask keeps its edge.

    Args:
        planes: logits of each pixel, >= 1.
        widths: channels at half resolution, a quarter, and so on, multiples of 4.

    Returns:
        A network from ``(B, 1, H, W)``, H and W divisible by 2 to the number of widths, to logits
        ``(B, planes, H, W)``.
    """
    return nn.Sequential(nn.PixelUnshuffle(2), _UNet(4, 4 * planes, widths), nn.PixelShuffle(2))


class _UNet(nn.Module):
    def __init__(self, inputs: int, outputs: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.down = nn.ModuleList(_twice(i, o) for i, o in pairwise((inputs, *widths)))
        self.up = nn.ModuleList(_twice(i + o, o) for i, o in pairwise(widths[::-1]))
        self.shrink, self.grow = nn.MaxPool2d(2), nn.Upsample(scale_factor=2)
        self.head = nn.Conv2d(widths[0], outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        seen: list[Tensor] = []
        for block in self.down:
            x = block(self.shrink(x) if seen else x)
            seen.append(x)
        for block, earlier in zip(self.up, seen[-2::-1], strict=True):
            x = block(torch.cat([earlier, self.grow(x)], dim=1))
        out: Tensor = self.head(x)
        return out


def _twice(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(*_conv(inputs, outputs), *_conv(outputs, outputs))


def _conv(inputs: int, outputs: int) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
    return [convolution, nn.GroupNorm(4, outputs), nn.ELU()]
