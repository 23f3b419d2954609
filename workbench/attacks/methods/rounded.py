"""A network's kinks made round, by as much as one likes: what an attacker searches on instead."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Roundness:
    """How round the kinks are, one number for all layers of a network and of its copies.

    Attributes:
        width: over which a kink bends, in units of the layer's input, > 0.
    """

    def __init__(self, width: float) -> None:
        self.width = width

    def __deepcopy__(self, memo: object) -> Roundness:
        # Who compares gradients does so on a copy of the network, and must follow this width.
        return self

    def ramp(self, values: Tensor) -> Tensor:
        """max(values, 0), rounded: softplus, which bends over ``width`` (Dugas et al. 2001)."""
        return F.softplus(values / self.width) * self.width


def rounded(network: nn.Module, roundness: Roundness) -> nn.Module:
    """A copy in which ReLU and its relatives, and max-pooling, have no kinks.

    Weights keep their names, so that an observation of ``network`` fits. Layers with kinks that
    are not known here (``AdaptiveMaxPool2d``, pooling with ``ceil_mode``) stay as they are.

    Args:
        network: left as it is.
        roundness: of all its kinks; may be changed at any time.
    """
    if (instead := _instead(network, roundness)) is not None:
        return instead
    changed = copy.deepcopy(network)
    for parent in list(changed.modules()):
        for name, layer in list(parent.named_children()):
            if (instead := _instead(layer, roundness)) is not None:
                setattr(parent, name, instead)
    return changed


def _instead(layer: nn.Module, roundness: Roundness) -> nn.Module | None:
    if isinstance(layer, nn.ReLU6 | nn.Hardtanh):
        return _Clamp(roundness, float(layer.min_val), float(layer.max_val))
    if isinstance(layer, nn.ReLU):
        return _Ramp(roundness)
    if isinstance(layer, nn.LeakyReLU):
        return _Ramp(roundness, layer.negative_slope)
    if isinstance(layer, nn.PReLU):
        return _LearnedRamp(roundness, layer.weight)
    if isinstance(layer, nn.MaxPool2d) and not (layer.ceil_mode or layer.return_indices):
        return _Pool(roundness, layer)
    return None


class _Ramp(nn.Module):
    """ReLU, and with a slope below 0 LeakyReLU."""

    def __init__(self, roundness: Roundness, slope: float = 0.0) -> None:
        super().__init__()
        self._roundness, self._slope = roundness, slope

    def forward(self, values: Tensor) -> Tensor:
        risen = self._roundness.ramp(values)
        return self._slope * values + (1 - self._slope) * risen if self._slope else risen


class _LearnedRamp(nn.Module):
    """PReLU."""

    def __init__(self, roundness: Roundness, weight: nn.Parameter) -> None:
        super().__init__()
        self._roundness = roundness
        self.weight = copy.deepcopy(weight)

    def forward(self, values: Tensor) -> Tensor:
        slope = self.weight.view(1, -1, *(1 for _ in values.shape[2:]))
        return slope * values + (1 - slope) * self._roundness.ramp(values)


class _Clamp(nn.Module):
    """ReLU6 and Hardtanh."""

    def __init__(self, roundness: Roundness, low: float, high: float) -> None:
        super().__init__()
        self._roundness, self._low, self._high = roundness, low, high

    def forward(self, values: Tensor) -> Tensor:
        risen = self._roundness.ramp(values - self._low)
        return self._low + risen - self._roundness.ramp(values - self._high)


class _Pool(nn.Module):
    """MaxPool2d: the mean of a window's values, each weighted by how near the largest it is."""

    def __init__(self, roundness: Roundness, layer: nn.MaxPool2d) -> None:
        super().__init__()
        self._roundness = roundness
        self._kernel, self._stride = _pair(layer.kernel_size), _pair(layer.stride)
        self._padding, self._dilation = _pair(layer.padding), _pair(layer.dilation)

    def forward(self, values: Tensor) -> Tensor:
        down, right = self._padding
        # Padded with so little that it weighs nothing, yet not with -inf, which times 0 is nan.
        edged = F.pad(values, (right, right, down, down), value=-1e4)
        height, width = (
            (edged.shape[2 + axis] - self._dilation[axis] * (self._kernel[axis] - 1) - 1)
            // self._stride[axis]
            + 1
            for axis in (0, 1)
        )
        windows = F.unfold(edged, self._kernel, self._dilation, stride=self._stride)
        windows = windows.view(*values.shape[:2], -1, height, width)
        weights = torch.softmax(windows / self._roundness.width, dim=2)
        return (weights * windows).sum(dim=2)


def _pair(value: int | tuple[int, ...]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[1])
