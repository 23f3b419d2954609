"""Weight standardisation, for convolutions whose output is normalised anyway.

Each filter keeps mean 0 and norm 1 (Qiao et al. 2019). Here it is put back there after every step
instead of being standardised within the forward pass: that is a computation on released weights,
so per-record gradients stay those of an ordinary convolution and it costs no privacy.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

_NORMALISATIONS = (
    nn.GroupNorm, nn.LayerNorm, nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d,
)  # fmt: skip


def standardised_layers(model: nn.Module) -> list[_ConvNd]:
    """The convolutions of a network that a normalisation follows directly."""
    leaves = [layer for layer in model.modules() if not list(layer.children())]
    return [
        layer
        for layer, after in pairwise(leaves)
        if isinstance(layer, _ConvNd) and isinstance(after, _NORMALISATIONS)
    ]


@torch.no_grad()
def standardise(layers: list[_ConvNd]) -> None:
    """Give every filter mean 0 and norm 1, in place; frozen ones stay as they are."""
    for layer in layers:
        if not layer.weight.requires_grad or layer.weight[0].numel() == 1:
            continue
        filters = 1 if isinstance(layer, _ConvTransposeNd) else 0
        rest = [axis for axis in range(layer.weight.ndim) if axis != filters]
        layer.weight -= layer.weight.mean(dim=rest, keepdim=True)
        layer.weight /= layer.weight.square().sum(dim=rest, keepdim=True).sqrt().clamp(min=1e-12)
