"""ResNet-18 of MONAI for slices, with GroupNorm and without operations in place."""

from __future__ import annotations

from typing import Any

from monai.networks.nets.resnet import ResNet, ResNetBlock
from torch import Tensor, nn

_NORM = ("group", {"num_groups": 32})
_ACT = ("relu", {"inplace": False})


def resnet18(*, classes: int) -> nn.Module:
    """Seventeen convolutions in eight residual blocks and one linear layer (He et al. 2016).

    Names, shapes and order of the layers are those of MONAI's ``resnet18``; GroupNorm of 32
    groups (Wu and He 2018) stands where that has BatchNorm.

    Args:
        classes: number of classes, >= 2.

    Returns:
        A network from ``(B, 1, H, W)`` to logits ``(B, classes)``. Its maps are H / 32 x W / 32
        in the end; 64 to 512 pixels a side are sensible.
    """
    return _ResNet(
        _Block,
        [2, 2, 2, 2],
        [64, 128, 256, 512],
        spatial_dims=2,
        n_input_channels=1,
        conv1_t_size=7,
        conv1_t_stride=2,
        num_classes=classes,
        act=_ACT,
        norm=_NORM,
    )


class _ResNet(ResNet):
    def _make_layer(self, *args: Any, **options: Any) -> nn.Sequential:
        # MONAI gives its norm to the first layer only and leaves BatchNorm in the blocks.
        return super()._make_layer(*args, **{**options, "norm": _NORM})


class _Block(ResNetBlock):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{**options, "act": _ACT})

    def forward(self, x: Tensor) -> Tensor:
        """As in MONAI, but the sum is a new tensor: Opacus' hooks cannot bear ``+=``."""
        out = self.bn2(self.conv2(self.act(self.bn1(self.conv1(x)))))
        shortcut = x if self.downsample is None else self.downsample(x)
        given: Tensor = self.act(out + shortcut)
        return given
