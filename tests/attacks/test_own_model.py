"""A person's own network, loss and slices."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from attack_cases import batch
from torch import Tensor, nn
from torch.nn import functional as F

import workbench as wb
from workbench.attacks.scoring.score import assign, mean_score
from workbench.errors import BadInput
from workbench.models.catalogue import build

IMAGES, LABELS = batch(16, 1, "classification")
entropy = nn.CrossEntropyLoss()


@pytest.fixture
def network() -> nn.Module:
    return build("cnn", size=16, classes=2, task="classification", seed=0)


def test_five_lines_bring_a_slice_back(network: nn.Module) -> None:
    back = wb.attack(network, entropy, (IMAGES, LABELS), seconds=6)
    assert mean_score(IMAGES[:, 0].numpy(), back.images).psnr > 30
    assert wb.compare(IMAGES, back).data.startswith(b"\x89PNG")


def test_a_gradient_seen_elsewhere_is_attacked_without_its_slices(network: nn.Module) -> None:
    loss = entropy(network(IMAGES), LABELS)
    gradients = torch.autograd.grad(loss, list(network.parameters()))
    back = wb.attack(network, entropy, gradients=gradients, targets=LABELS, size=16, seconds=6)
    assert mean_score(IMAGES[:, 0].numpy(), back.images).psnr > 30


def test_a_loss_of_ones_own_over_masks() -> None:
    images, masks = batch(16, 1, "segmentation")
    network = build("mlp", size=16, classes=2, task="segmentation", seed=0)
    back = wb.attack(
        network, F.binary_cross_entropy_with_logits, (images, masks.float()), method="analytic"
    )
    assert mean_score(images[:, 0].numpy(), back.images).psnr > 60


def test_the_network_is_left_as_it_was(network: nn.Module) -> None:
    before = {name: value.clone() for name, value in network.state_dict().items()}
    wb.attack(network, entropy, (IMAGES, LABELS), seconds=0.2, noise_multiplier=1.0)
    for name, value in network.state_dict().items():
        assert torch.equal(before[name], value)
    assert all(parameter.grad is None for parameter in network.parameters())


def test_too_few_weights_are_told_and_called_no_evidence() -> None:
    network = nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.ELU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 2)
    )
    with pytest.warns(UserWarning, match="fewer equations .* not evidence of privacy"):
        wb.attack(network, entropy, (IMAGES, LABELS), seconds=0.2)


class _Rounded(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.round()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, slope: Tensor) -> Tensor:
        return slope


class Rounding(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return _Rounded.apply(x)  # type: ignore[no-any-return, no-untyped-call]


def flat(*layers: nn.Module) -> nn.Module:
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(256, 2))


@pytest.mark.parametrize(
    ("call", "sentence", "field"),
    [
        (lambda n: wb.attack(n, entropy), "Give a batch", "batch"),
        (lambda n: wb.attack(n, None, (IMAGES, LABELS)), "Give the loss", "loss"),
        (
            lambda n: wb.attack(n, lambda said, target: said, (IMAGES, LABELS)),
            "single number, not of shape",
            "loss",
        ),
        (
            lambda n: wb.attack(n, entropy, (IMAGES, torch.zeros(1, 7))),
            "cannot compare",
            "loss",
        ),
        (lambda n: wb.attack(n, entropy, (IMAGES * 9, LABELS)), "must lie in", None),
        (lambda n: wb.attack(n, entropy, (IMAGES * np.nan, LABELS)), "not numbers", None),
        (lambda n: wb.attack(n, entropy, (IMAGES * 0, LABELS)), "one grey value", "index"),
        (lambda n: wb.attack(n, entropy, (IMAGES[..., :8], LABELS)), "square", "batch"),
        (lambda n: wb.attack(n, entropy, (IMAGES, LABELS.repeat(2))), "1 images and 2", "batch"),
        (
            lambda n: wb.attack(n, entropy, (F.pad(IMAGES, (0, 4, 0, 4)), LABELS)),
            "cannot take images of 20 x 20",
            "batch",
        ),
        (lambda n: wb.attack(n, entropy, (IMAGES, LABELS), seconds=0), "above 0", "seconds"),
        (lambda n: wb.attack(n, entropy, (IMAGES, LABELS), method="magic"), "'magic'", "method"),
        (
            lambda n: wb.attack(flat(nn.Dropout(0.5)), entropy, (IMAGES, LABELS)),
            "Dropout",
            "model",
        ),
        (
            lambda n: wb.attack(flat(nn.BatchNorm2d(1)), entropy, (IMAGES, LABELS)),
            "BatchNorm",
            "model",
        ),
        (
            lambda n: wb.attack(flat(nn.Conv2d(1, 1, 1), Rounding()), entropy, (IMAGES, LABELS)),
            "cannot be differentiated twice",
            "model",
        ),
        (
            lambda n: wb.attack(n, entropy, gradients=[], targets=LABELS, size=16),
            "0 gradients for",
            "gradients",
        ),
        (
            lambda n: wb.attack(
                n, entropy, targets=LABELS, size=16,
                gradients=[p.detach().flatten() for p in n.parameters()],
            ),
            "has shape",
            "gradients",
        ),
        (
            lambda n: wb.attack(
                n, entropy, targets=LABELS, size=16,
                gradients=[torch.zeros_like(p) for p in n.parameters()],
            ),
            "zero everywhere .* not evidence of privacy",
            "model",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_attacked_is_one_sentence(
    call: Callable[[nn.Module], Any], sentence: str, field: str | None, network: nn.Module
) -> None:
    with pytest.raises(BadInput, match=sentence) as refused:
        call(network)
    assert refused.value.field == field
    assert "\n" not in str(refused.value)


def test_several_slices_of_ones_own_come_back_in_some_order() -> None:
    images, labels = batch(16, 2, "classification")
    network = build("mlp", size=16, classes=2, task="classification", seed=0)
    back = wb.attack(network, entropy, (images, labels), seconds=4)
    truth = images[:, 0].numpy()
    found = back.images[assign(truth, back.images)]
    assert mean_score(truth, found).psnr > mean_score(truth, np.full_like(truth, 0.3)).psnr
