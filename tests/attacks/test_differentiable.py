from typing import Any

import pytest
import torch
from torch import Tensor, nn

from workbench.attacks.differentiable import refuse_not_differentiable
from workbench.errors import BadInput
from workbench.models.catalogue import CATALOGUE, build

SIZE = 32


class Round(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.round()


class Detach(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.detach()


class Threshold(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return (x > 0.5).to(x.dtype)


class _Once(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return 2 * x * gradient


class Once(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return _Once.apply(x)


class InTheMiddle(nn.Module):
    """Nothing is wrong with its layers; it rounds between them."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(1, 4, 3, padding=1), nn.Linear(4 * SIZE**2, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.first(x.round()).round().flatten(1))


def around(layer: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.GroupNorm(2, 4), nn.ReLU(inplace=True))
    return nn.Sequential(body, layer, nn.Flatten(), nn.Linear(4 * SIZE**2, 2))


@pytest.mark.parametrize("name", [name for name in CATALOGUE if name != "resnet18"])
def test_every_network_of_the_catalogue_can_be_searched(name: str) -> None:
    for task in CATALOGUE[name].tasks:
        network = build(name, size=SIZE, classes=2, task=task, seed=0)
        refuse_not_differentiable(network, task, SIZE)


@pytest.mark.parametrize("layer", [Round(), Detach(), Threshold(), Once()])
def test_the_layer_at_fault_is_named(layer: nn.Module) -> None:
    with pytest.raises(BadInput) as refused:
        refuse_not_differentiable(around(layer), "classification", SIZE)
    assert f"layer 1 ({type(layer).__name__})" in refused.value.message
    assert "no evidence of privacy" in refused.value.message
    assert refused.value.field == "model"
    assert "\n" not in refused.value.message


def test_a_layer_inside_another_is_named_rather_than_the_other() -> None:
    network = around(nn.Sequential(nn.Identity(), nn.Sequential(nn.Tanh(), Round())))
    with pytest.raises(BadInput, match=r"layer 1\.1\.1 \(Round\)"):
        refuse_not_differentiable(network, "classification", SIZE)


def test_what_happens_between_layers_is_blamed_on_the_module_that_does_it() -> None:
    torch.manual_seed(0)
    with pytest.raises(BadInput, match="InTheMiddle"):
        refuse_not_differentiable(InTheMiddle(), "classification", SIZE)


def test_looking_leaves_no_trace() -> None:
    network = build("cnn", size=SIZE, classes=2, task="classification", seed=0)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    state = torch.random.get_rng_state()
    refuse_not_differentiable(network, "classification", SIZE)
    assert torch.equal(state, torch.random.get_rng_state())
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())
    assert not any(layer._forward_hooks for layer in network.modules())
