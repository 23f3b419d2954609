"""Layers that do what a layer should not, and networks with one of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from workbench.errors import BadInput
from workbench.models.fitness import make_fit

EXAMPLE = torch.zeros(3, 1, 8, 8)


class Does(nn.Module):
    """A layer whose forward is a function."""

    def __init__(self, does: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.does = does

    def forward(self, x: Tensor) -> Tensor:
        return self.does(x)


def network_with(layer: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), layer, nn.ELU(), nn.Flatten(), nn.Linear(144, 2))


def refused(model: nn.Module) -> str:
    """The sentence with which a network is refused."""
    with pytest.raises(BadInput) as said:
        make_fit(model, example=EXAMPLE)
    assert said.value.field == "model"
    return said.value.message


class OwnBatchNorm(nn.Module):
    """BatchNorm written by hand, around a layer of its own."""

    def __init__(self, *, statistics: bool = False) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 1)
        self.mean = self.variance = None
        if statistics:
            del self.mean, self.variance
            self.register_buffer("mean", torch.zeros(4))
            self.register_buffer("variance", torch.ones(4))

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.batch_norm(x, self.mean, self.variance, training=True))


def attention(x: Tensor) -> Tensor:
    flat = x.flatten(1)
    return ((flat @ flat.T).softmax(dim=1) @ flat).view_as(x)


MIXERS = {
    "F.batch_norm": lambda x: F.batch_norm(x, None, None, training=True),
    "mean of the batch": lambda x: x - x.mean(dim=0),
    "mean, detached": lambda x: x - x.detach().mean(dim=0),
    "a little": lambda x: x + 1e-3 * x.mean(dim=0),
    "very little": lambda x: x + 1e-7 * x.mean(dim=0),
    "largest of the batch": lambda x: (x - x.amin()).square() / x.amax(),
    "neighbour": lambda x: x + x.roll(1, dims=0).square(),
    "other order": lambda x: x.flip(0),
    "running sum": lambda x: x.cumsum(dim=0),
    "attention between records": attention,
}


class Keeps(nn.Module):
    """A buffer, and what every pass does to it."""

    def __init__(self, step: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.register_buffer("kept", torch.zeros(4))
        self.step = step

    def forward(self, x: Tensor) -> Tensor:
        self.kept = self.step(self.kept, x.detach())
        return x + self.kept[:, None, None]


UPDATES = {
    "running mean": lambda kept, x: 0.9 * kept + 0.1 * x.mean(dim=(0, 2, 3)),
    "in place": lambda kept, x: kept.add_(x.mean()),
    "count of passes": lambda kept, x: kept + 1,
    "largest seen": lambda kept, x: torch.maximum(kept, x.square().amax()),
}
