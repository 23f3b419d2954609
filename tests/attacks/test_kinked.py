"""Networks with kinks: rounded for the search, exact at the end."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from workbench.attacks.methods.kinked import kinked
from workbench.attacks.methods.rounded import Roundness, rounded
from workbench.attacks.methods.start import grey
from workbench.attacks.scoring.score import mean_score
from workbench.attacks.search.search import Search

LAYERS = (
    nn.ReLU(), nn.ReLU6(), nn.Hardtanh(-0.5, 1.5), nn.LeakyReLU(0.1), nn.PReLU(3),
    nn.MaxPool2d(2), nn.MaxPool2d(3, stride=2, padding=1), nn.MaxPool2d(2, stride=1, dilation=2),
)  # fmt: skip


def maps(seed: int = 0) -> torch.Tensor:
    made = torch.Generator().manual_seed(seed)
    return torch.randn(2, 3, 9, 9, generator=made, dtype=torch.float64)


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_a_rounded_layer_becomes_the_layer_as_the_width_goes_to_nothing(layer: nn.Module) -> None:
    roundness = Roundness(1.0)
    round_layer = rounded(nn.Sequential(layer), roundness).double()
    exact, errors = copy.deepcopy(layer).double()(maps()), []
    for roundness.width in (0.3, 0.1, 0.03, 1e-6):
        found = round_layer(maps())
        assert found.shape == exact.shape
        errors.append((found - exact).abs().max().item())
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > 0.01
    assert errors[-1] < 1e-5


@given(st.floats(-20, 20), st.floats(1e-3, 1.0))
def test_the_ramp_is_never_below_the_kink_and_never_far_above(value: float, width: float) -> None:
    here = torch.tensor(value, dtype=torch.float64)
    above = (Roundness(width).ramp(here) - here.clamp(min=0)).item()
    assert -1e-12 <= above <= width * np.log(2) + 1e-12


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_a_rounded_layer_has_the_derivatives_that_it_says(layer: nn.Module) -> None:
    round_layer = rounded(nn.Sequential(layer), Roundness(0.3)).double()
    small = maps()[:1, :, :5, :5].requires_grad_()
    assert torch.autograd.gradcheck(round_layer, (small,))
    assert torch.autograd.gradgradcheck(round_layer, (small,))


def test_weights_keep_names_and_values_and_the_network_is_left_alone() -> None:
    network = nn.Sequential(nn.Conv2d(1, 3, 3), nn.PReLU(3, init=0.2), nn.Sequential(nn.ReLU()))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    changed = rounded(network, Roundness(0.1))
    assert list(changed.state_dict()) == list(before)
    for name, value in changed.state_dict().items():
        torch.testing.assert_close(value, before[name])
    assert any(isinstance(layer, nn.ReLU) for layer in network.modules())
    assert not any(isinstance(layer, nn.ReLU | nn.PReLU) for layer in changed.modules())
    assert not set(changed.parameters()) & set(network.parameters())


def test_copies_follow_the_width() -> None:
    roundness = Roundness(1.0)
    copied = copy.deepcopy(rounded(nn.Sequential(nn.ReLU()), roundness))
    roundness.width = 1e-6
    torch.testing.assert_close(copied(maps()), maps().clamp(min=0), atol=1e-5, rtol=0)


def test_smooth_layers_and_pooling_that_is_not_known_stay() -> None:
    network = nn.Sequential(nn.ELU(), nn.AdaptiveMaxPool2d(2), nn.MaxPool2d(2, ceil_mode=True))
    kinds = [type(layer) for layer in rounded(network, Roundness(0.1)).children()]
    assert kinds == [nn.ELU, nn.AdaptiveMaxPool2d, nn.MaxPool2d]


def network_with(activation: nn.Module, *, pooled: bool = False) -> nn.Module:
    torch.manual_seed(0)
    pool = nn.MaxPool2d(2) if pooled else nn.Identity()
    side = 8 if pooled else 16
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.GroupNorm(4, 16), activation, pool,
        nn.Conv2d(16, 16, 3, padding=1), nn.GroupNorm(4, 16), copy.deepcopy(activation),
        nn.Flatten(), nn.Linear(16 * side * side, 2),
    )  # fmt: skip


def carry_out(case: Any, seconds: float) -> Search:
    shape = (1, 1, case.knowledge.size, case.knowledge.size)
    search = Search(shape, seconds)
    search.begin()
    start, targets = grey(shape, 0, 0), torch.tensor([0])
    stages = [
        frame.stage
        for frame in kinked(search, case.observation, case.knowledge, targets, start, seconds)
    ]
    assert stages
    return search


def gain(case: Any, search: Search) -> float:
    """In dB over the best flat image."""
    flat = np.full_like(case.truth, case.truth.mean())
    found = search.result().images
    return mean_score(case.truth, found).psnr - mean_score(case.truth, flat).psnr


@pytest.mark.slow
@pytest.mark.usefixtures("counted_time")
@pytest.mark.parametrize(
    ("activation", "pooled", "decibel"), [(nn.ReLU(), False, 15), (nn.PReLU(), False, 15),
                                          (nn.ReLU(), True, 5)], ids=("relu", "prelu", "pooled"),
)  # fmt: skip
def test_a_slice_comes_back_through_the_kinks(
    activation: nn.Module, pooled: bool, decibel: float, seen: Callable[..., Any]
) -> None:
    case = seen(network=network_with(activation, pooled=pooled))
    assert gain(case, carry_out(case, 20)) > decibel
