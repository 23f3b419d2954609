import numpy as np
import pytest
import torch
from attack_cases import batch
from torch import Tensor, nn

from workbench.attacks.observation import observe, observe_nobody
from workbench.attacks.search.descent import Candidate
from workbench.attacks.search.matching import GradientMatcher
from workbench.dpsgd.randomness import SeededStream
from workbench.models.catalogue import build
from workbench.models.losses import record_losses

C = 0.3


def by_hand(model: nn.Module, images: Tensor, targets: Tensor, clip: float | None) -> list[Tensor]:
    """The mean of the records' gradients, each clipped, by one backward pass per record."""
    total = [torch.zeros_like(p) for p in model.parameters()]
    for record in range(len(images)):
        one = slice(record, record + 1)
        loss = record_losses("segmentation", model(images[one]), targets[one]).sum()
        gradient = torch.autograd.grad(loss, list(model.parameters()))
        norm = torch.sqrt(sum((part**2).sum() for part in gradient))
        factor = 1.0 if clip is None else min(1.0, clip / (float(norm) + 1e-6))
        total = [a + factor * b / len(images) for a, b in zip(total, gradient, strict=True)]
    return total


def share(records: int, noise_multiplier: float | None, seed: int = 0):
    model = build("unet", size=32, classes=2, task="segmentation", seed=0)
    images, targets = batch(32, records, "segmentation")
    observed = observe(
        model,
        "segmentation",
        images,
        targets,
        noise_multiplier=noise_multiplier,
        max_grad_norm=C,
        stream=SeededStream(seed),
    )
    return model, images, targets, observed


@pytest.mark.parametrize("records", [1, 3])
@pytest.mark.parametrize("noise_multiplier", [None, 0.0])
def test_the_gradient_is_the_mean_of_the_records_clipped_gradients(
    records: int, noise_multiplier: float | None
) -> None:
    model, images, targets, observed = share(records, noise_multiplier)
    expected = by_hand(model, images, targets, None if noise_multiplier is None else C)
    for seen, wanted in zip(observed.gradients.values(), expected, strict=True):
        torch.testing.assert_close(seen, wanted, atol=1e-6, rtol=1e-5)
    if noise_multiplier == 0 and records == 1:
        assert observed.norm == pytest.approx(C, rel=1e-4)


def test_noise_has_the_standard_deviation_that_the_attacker_is_told() -> None:
    _, _, _, clean = share(2, 0.0)
    _, _, _, noisy = share(2, 0.5)
    noise = np.concatenate(
        [
            (noisy.gradients[name] - clean.gradients[name]).numpy().ravel()
            for name in clean.gradients
        ]
    )
    assert noisy.noise == pytest.approx(0.5 * C / 2)
    assert noise.std() == pytest.approx(noisy.noise, rel=0.01)
    assert abs(noise.mean()) < 5 * noisy.noise / len(noise) ** 0.5


def test_the_same_seed_shares_the_same_gradient() -> None:
    (_, _, _, a), (_, _, _, b) = share(1, 1.0, seed=4), share(1, 1.0, seed=4)
    assert all(torch.equal(a.gradients[name], b.gradients[name]) for name in a.gradients)


@pytest.mark.parametrize("records", [1, 3])
@pytest.mark.parametrize("noise_multiplier", [None, 0.0])
def test_the_attacker_computes_the_same_from_the_true_images(
    records: int, noise_multiplier: float | None
) -> None:
    model, images, targets, observed = share(records, noise_multiplier)
    compared = GradientMatcher(model, observed, targets).compare(Candidate(images))
    assert float(compared.distance.detach()) < 1e-10
    assert float(compared.misdirection.detach()) < 1e-5


def test_nobodys_gradient_is_noise_of_the_same_size() -> None:
    for noise_multiplier in (None, 0.0, 2.0):
        _, _, _, observed = share(1, noise_multiplier)
        nobody = observe_nobody(observed, stream=SeededStream(9))
        expected = (
            observed.noise * sum(g.numel() for g in nobody.gradients.values()) ** 0.5
            or observed.norm
        )
        assert nobody.norm == pytest.approx(expected, rel=0.02)
        inner = sum(
            float((nobody.gradients[name] * observed.gradients[name]).sum())
            for name in nobody.gradients
        )
        assert abs(inner) < 0.01 * nobody.norm * observed.norm


def test_observing_leaves_the_network_as_it_was() -> None:
    model, images, _, _ = share(2, 1.0)
    assert all(p.grad is None or not p.grad.any() for p in model.parameters())
    assert not any(hasattr(p, "grad_sample") and p.grad_sample is not None
                   for p in model.parameters())  # fmt: skip
    assert model(images).shape == images.shape
