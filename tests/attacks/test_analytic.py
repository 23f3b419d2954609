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
from workbench.attacks.methods.analytic import analytic
from workbench.attacks.observation import observe
from workbench.attacks.scoring.score import score
from workbench.dpsgd.randomness import SeededStream
from workbench.errors import BadInput
from workbench.models.catalogue import build


def carry_out(seen: Any) -> Any:
    return end(analytic(seen.observation, seen.knowledge, seconds=1, restarts=1, seed=0))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), label=st.integers(0, 2), clipped=st.booleans())
def test_any_image_is_read_off_a_linear_layer_exactly(seed: int, label: int, clipped: bool) -> None:
    model = build("mlp", size=16, classes=3, task="classification", seed=seed)
    image = torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(seed))
    observation = observe(
        model,
        "classification",
        image,
        torch.tensor([label]),
        noise_multiplier=0.0 if clipped else None,
        max_grad_norm=0.01,
        stream=SeededStream(0),
    )
    knowledge = Knowledge(network=model, size=16)
    found = end(analytic(observation, knowledge, seconds=1, restarts=1, seed=0))
    assert score(image[0, 0].numpy(), found.images[0]).psnr > 60
    assert found.labels.tolist() == [label]


def test_it_works_on_masks_too(seen: Callable[..., Any]) -> None:
    case = seen("mlp", 32)
    assert score(case.truth[0], carry_out(case).images[0]).psnr > 60


def test_the_more_noise_the_less_is_read(seen: Callable[..., Any]) -> None:
    errors = []
    for noise in (0.0, 1e-5, 1e-3, 1e-1):
        case = seen("mlp", 16, noise_multiplier=noise)
        errors.append(float(((carry_out(case).images - case.truth) ** 2).mean()))
    assert errors == sorted(errors)
    assert errors[0] < 1e-6 < 1e-2 < errors[-1]


class _LateFirst(nn.Module):
    """Declares its layers in another order than it uses them."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(8, 2)
        self.first = nn.Linear(256, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.head(torch.tanh(self.first(x.flatten(1))))
        return out


def test_the_first_layer_is_the_first_used_not_the_first_declared(
    seen: Callable[..., Any],
) -> None:
    torch.manual_seed(0)
    case = seen(network=_LateFirst())
    # The label would be read off a layer's bias that is not the last one used.
    found = carry_out(case)
    np.testing.assert_allclose(found.images, case.truth, atol=1e-4)


def test_a_network_that_starts_with_a_convolution_is_refused(seen: Callable[..., Any]) -> None:
    with pytest.raises(BadInput, match="starts with a linear layer") as error:
        carry_out(seen("cnn", 16))
    assert error.value.field == "attack"


def test_a_batch_is_refused(seen: Callable[..., Any]) -> None:
    with pytest.raises(BadInput, match="one record, not 2") as error:
        carry_out(seen("mlp", 16, records=2))
    assert error.value.field == "batch"
