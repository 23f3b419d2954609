from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from attack_cases import end
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from workbench.attacks.knowledge import Knowledge
from workbench.attacks.methods.chain import unbent
from workbench.attacks.methods.recursive import recursive
from workbench.attacks.scoring.score import score
from workbench.errors import BadInput
from workbench.models.catalogue import build


def chain(activation: Callable[[], nn.Module] = nn.ELU, *, seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(1, 8, 5, stride=2, padding=2),
        activation(),
        nn.Sequential(nn.Conv2d(8, 16, 3, stride=2, padding=1), activation()),
        nn.Flatten(),
        nn.Linear(256, 12),
        activation(),
        nn.Linear(12, 3),
    )


def carry_out(case: Any, seconds: float = 20) -> Any:
    return end(recursive(case.observation, case.knowledge, seconds=seconds, restarts=1, seed=0))


@pytest.mark.parametrize("activation", [nn.ELU, nn.CELU, nn.Tanh, nn.Softplus])
@pytest.mark.parametrize("clipped", [False, True])
def test_a_chain_of_convolutions_is_gone_back_through_exactly(
    activation: Callable[[], nn.Module], clipped: bool, seen: Callable[..., Any]
) -> None:
    case = seen(
        network=chain(activation), noise_multiplier=0.0 if clipped else None, max_grad_norm=0.01
    )
    found = carry_out(case)
    assert score(case.truth[0], found.images[0]).psnr > 60
    assert found.labels.tolist() == [0]
    assert found.objective < 1e-5


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whatever_the_weights(seed: int, seen: Callable[..., Any]) -> None:
    case = seen(network=chain(seed=seed))
    assert score(case.truth[0], carry_out(case).images[0]).psnr > 60


@pytest.mark.parametrize("activation", [nn.LeakyReLU, nn.PReLU, nn.Sigmoid])
def test_activations_whose_inverse_loses_digits_still_give_the_picture(
    activation: Callable[[], nn.Module], seen: Callable[..., Any]
) -> None:
    case = seen(network=chain(activation))
    assert score(case.truth[0], carry_out(case).images[0]).psnr > 30


def test_networks_of_the_catalogue(seen: Callable[..., Any]) -> None:
    network = build("cnn", size=16, classes=2, task="classification", seed=0, normalisation="none")
    for case in (seen(network=network), seen("mlp", 16), seen("mlp", 16, task="classification")):
        assert score(case.truth[0], carry_out(case).images[0]).psnr > 60


def test_the_more_noise_the_less_is_solved(seen: Callable[..., Any]) -> None:
    errors = []
    for noise in (0.0, 1e-5, 1e-1):
        case = seen(network=chain(), noise_multiplier=noise)
        errors.append(float(((carry_out(case, 2).images - case.truth) ** 2).mean()))
    assert errors == sorted(errors)
    assert errors[0] < 1e-6
    assert errors[-1] > 1e-2


@settings(deadline=None)
@given(seed=st.integers(0, 10_000))
@pytest.mark.parametrize(
    "activation",
    [nn.ELU(), nn.ELU(0.5), nn.CELU(2.0), nn.LeakyReLU(0.1), nn.PReLU(3), nn.Tanh(), nn.Sigmoid(),
     nn.Softplus(), nn.Softplus(beta=2.0), nn.Flatten()],
)  # fmt: skip
def test_the_inverse_of_an_activation_undoes_it(activation: nn.Module, seed: int) -> None:
    values = torch.from_numpy(np.random.default_rng(seed).normal(size=(1, 3, 4, 4)))
    with torch.no_grad():
        back = unbent(activation, activation.double()(values))
    np.testing.assert_allclose(back.flatten(), values.flatten(), atol=1e-7)


class _Branched(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 1, 3, padding=1)
        self.head = nn.Linear(256, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.head((x + self.first(x)).flatten(1))
        return out


@pytest.mark.parametrize(
    ("network", "sentence"),
    [
        (build("cnn", size=16, classes=2, task="classification", seed=0), "GroupNorm"),
        (chain(nn.ReLU), "ReLU"),
        (_Branched(), "one after the other"),
        (nn.Sequential(nn.Flatten(), nn.Linear(256, 2, bias=False)), "has a bias"),
        (nn.Sequential(nn.Conv2d(1, 2, 3, padding="same"), nn.Flatten(), nn.Linear(512, 2)),
         "number of zeros"),
        (nn.Sequential(nn.Conv2d(1, 1, 3, stride=4), nn.ELU(), nn.Flatten(), nn.Linear(16, 2)),
         "256 numbers and only 25 equations"),
    ],
)  # fmt: skip
def test_networks_that_cannot_be_gone_back_through_are_refused(
    network: nn.Module, sentence: str, seen: Callable[..., Any]
) -> None:
    case = seen(network=network)
    with pytest.raises(BadInput, match=sentence) as error:
        carry_out(case)
    assert error.value.field == "attack"


def test_a_batch_is_refused(seen: Callable[..., Any]) -> None:
    with pytest.raises(BadInput, match="one record, not 2") as error:
        carry_out(seen(network=chain(), records=2))
    assert error.value.field == "batch"


def test_the_weights_are_those_of_the_observation(seen: Callable[..., Any]) -> None:
    case = seen(network=chain())
    knowledge = Knowledge(network=chain(seed=9), size=16)
    found = end(recursive(case.observation, knowledge, seconds=20, restarts=1, seed=0))
    assert score(case.truth[0], found.images[0]).psnr > 60
