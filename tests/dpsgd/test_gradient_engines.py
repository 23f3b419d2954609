"""The mechanism against the slow truth: one backward pass per unit, in plain autograd."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from workbench.dpsgd.gradients import PlainEngine
from workbench.dpsgd.opacus_engine import OpacusEngine
from workbench.dpsgd.randomness import SeededStream
from workbench.models.catalogue import CATALOGUE, build
from workbench.models.fitness import make_fit
from workbench.models.losses import Task, record_losses

EVERY_NETWORK = [(name, task) for name, entry in CATALOGUE.items() for task in entry.tasks]


def network(name: str, task: Task) -> nn.Module:
    return make_fit(build(name, size=32, classes=2, task=task, seed=0))[0].double()


def records(task: Task, count: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(count, 1, 32, 32, generator=generator, dtype=torch.float64)
    if task == "segmentation":
        return images, (images > 0.5).long()
    return images, torch.randint(0, 2, (count,), generator=generator)


def engine(model: nn.Module, *, noise: float = 0.0, norm: float = 0.3) -> OpacusEngine:
    return OpacusEngine(
        model,
        max_grad_norm=norm,
        noise_multiplier=noise,
        expected_units=2.5,
        stream=SeededStream(0),
    )


def released(model: nn.Module) -> torch.Tensor:
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


def slow_truth(
    model: nn.Module,
    task: Task,
    images: torch.Tensor,
    targets: torch.Tensor,
    units: np.ndarray,
    norm: float,
) -> torch.Tensor:
    total = torch.zeros(sum(p.numel() for p in model.parameters()), dtype=torch.float64)
    for unit in np.unique(units):
        own = torch.as_tensor(units == unit)
        model.zero_grad()
        record_losses(task, model(images[own]), targets[own]).mean().backward()
        gradient = released(model)
        total += gradient * min(1.0, norm / (float(gradient.norm()) + 1e-6))
    return total / 2.5


@pytest.mark.parametrize(("name", "task"), EVERY_NETWORK)
@pytest.mark.parametrize("units", [[0, 1, 2, 3], [0, 0, 1, 1]], ids=["slices", "patients"])
def test_clipped_sums_equal_plain_autograd_unit_by_unit(
    name: str, task: Task, units: list[int]
) -> None:
    model = network(name, task)
    images, targets = records(task, 4)
    expected = slow_truth(copy.deepcopy(model), task, images, targets, np.array(units), 0.3)

    private = engine(model)
    private.accumulate(record_losses(task, private.model(images), targets), np.array(units))
    private.release()

    assert torch.allclose(released(model), expected, atol=1e-10)


def test_chunks_add_up_to_the_whole_draw() -> None:
    images, targets = records("classification", 6)
    whole, parts = network("cnn", "classification"), network("cnn", "classification")
    for model, chunks in ((whole, [slice(0, 6)]), (parts, [slice(0, 2), slice(2, 6)])):
        private = engine(model)
        for chunk in chunks:
            losses = record_losses("classification", private.model(images[chunk]), targets[chunk])
            private.accumulate(losses, np.arange(6)[chunk])
        private.release()
    assert torch.allclose(released(whole), released(parts), atol=1e-12)


@given(scale=st.floats(1, 1e6), seed=st.integers(0, 50))
@settings(max_examples=15, deadline=None)
def test_removing_one_unit_never_moves_the_sum_by_more_than_the_clipping_norm(
    scale: float, seed: int
) -> None:
    images, targets = records("classification", 3, seed)
    sums = []
    for count in (3, 2):
        model = network("cnn", "classification")
        private = engine(model)
        outputs = private.model(images[:count])
        losses = scale * record_losses("classification", outputs, targets[:count])
        private.accumulate(losses, np.arange(count))
        private.release()
        sums.append(released(model) * 2.5)
    assert float((sums[0] - sums[1]).norm()) <= 0.3 * (1 + 1e-6)


def test_an_empty_draw_releases_noise_alone() -> None:
    model = network("cnn", "classification")
    engine(model, noise=2.0).release()
    gradient = released(model) * 2.5
    assert float(gradient.std()) == pytest.approx(2.0 * 0.3, rel=0.03)


def test_a_record_that_is_not_a_number_counts_as_zero() -> None:
    images, targets = records("classification", 3)
    spoiled = images.clone()
    spoiled[1, 0, 5, 5] = torch.nan
    gradients = []
    for batch, keep in ((spoiled, [0, 1, 2]), (images, [0, 2])):
        model = network("cnn", "classification")
        private = engine(model)
        losses = record_losses("classification", private.model(batch[keep]), targets[keep])
        private.accumulate(losses, np.array(keep))
        private.release()
        gradients.append(released(model))
    assert torch.allclose(gradients[0], gradients[1], atol=1e-12)


def test_noise_has_the_promised_size_and_differs_between_steps() -> None:
    model = network("cnn", "classification")
    private = engine(model, noise=1.5)
    private.release()
    first = released(model).clone() * 2.5
    private.release()
    second = released(model) * 2.5
    assert float(first.std()) == pytest.approx(1.5 * 0.3, rel=0.03)
    correlation = float(torch.corrcoef(torch.stack([first, second]))[0, 1])
    assert abs(correlation) < 5 / len(first) ** 0.5


def test_without_privacy_the_gradient_is_the_ordinary_mean() -> None:
    images, targets = records("segmentation", 3)
    model = network("unet", "segmentation")
    plain = PlainEngine(model)
    losses = record_losses("segmentation", plain.model(images), targets)
    plain.accumulate(losses, np.arange(3))
    plain.release()
    seen = released(model).clone()
    model.zero_grad()
    record_losses("segmentation", model(images), targets).mean().backward()
    assert torch.allclose(seen, released(model), atol=1e-12)


def test_detaching_gives_the_network_back_without_hooks() -> None:
    model = network("cnn", "classification")
    engine(model).detach()
    assert not any(layer._forward_hooks or layer._backward_hooks for layer in model.modules())
