"""The Cramer-Rao estimate against dense matrices, closed forms and attacks."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
import torch
from attack_cases import batch, end, picture
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from workbench.attacks.bounds.cramer_rao import cramer_rao_error, information, leakage
from workbench.attacks.bounds.lanczos import Spectrum, spectrum
from workbench.attacks.bounds.linear_law import linear_error
from workbench.attacks.observation import Observation, observe
from workbench.attacks.scoring.score import decibel
from workbench.dpsgd.randomness import SeededStream
from workbench.errors import BadInput
from workbench.models.catalogue import build
from workbench.models.losses import record_losses

PRIOR = 0.05
NO_PRIOR = 1e12


def found_by(
    apply: Callable[[np.ndarray], np.ndarray], size: int, probes: int, steps: int
) -> Spectrum:
    result: Spectrum = end(spectrum(apply, size, probes=probes, steps=steps, seed=0, seconds=1e9))
    return result


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), decades=st.integers(0, 6), steps=st.integers(2, 30))
def test_quadrature_is_exact_in_the_end_and_never_above_before(
    seed: int, decades: int, steps: int
) -> None:
    random = np.random.default_rng(seed)
    turn = np.linalg.qr(random.standard_normal((30, 30)))[0]
    matrix = (turn * np.logspace(-decades, 0, 30)) @ turn.T
    probe = np.random.default_rng(0).choice((-1.0, 1.0), 30)
    exact = probe @ np.linalg.solve(matrix + 0.01 * np.eye(30), probe) / 30
    few, all_ = (found_by(lambda x: matrix @ x, 30, 1, count) for count in (steps, 30))
    assert few.weights.sum() == pytest.approx(1)
    assert few.weights @ (1 / (few.values + 0.01)) <= exact * (1 + 1e-9)
    assert all_.weights @ (1 / (all_.values + 0.01)) == pytest.approx(exact)


def test_a_spectrum_of_one_value_is_found_at_once() -> None:
    calls: list[int] = []

    def apply(vector: np.ndarray) -> np.ndarray:
        calls.append(1)
        return 3 * vector

    found = found_by(apply, 50, 2, 20)
    np.testing.assert_allclose(found.values, 3)
    assert len(calls) == 2


def test_the_time_that_is_up_ends_each_probe_with_what_it_has() -> None:
    matrix = np.diag(np.arange(1.0, 51.0))
    steps = spectrum(lambda x: matrix @ x, 50, probes=3, steps=40, seed=0, seconds=1e-9)
    found = end(steps)
    assert len(found.values) == 3
    assert found.weights.sum() == pytest.approx(1)


class Dense(NamedTuple):
    eigenvalues: np.ndarray
    found: Spectrum


@pytest.fixture(params=[None, 0.1], ids=["plain", "clipped"])
def dense(request: pytest.FixtureRequest) -> Dense:
    """All of J by plain autograd, column after column, beside the quadrature."""
    clipping = request.param
    network = build("cnn", size=16, classes=2, task="classification", seed=0)
    images, targets = batch(16, 1, "classification")
    seen = observe(
        network, "classification", images, targets, max_grad_norm=clipping or 1.0,
        noise_multiplier=None if clipping is None else 0.0, stream=SeededStream(0, 1),
    )  # fmt: skip
    found = end(information(network, seen, images, targets, probes=4, steps=60, seconds=1e9))
    jacobian, gradient = plain_jacobian(network.double(), images.double(), targets)
    if clipping is not None:
        unit = gradient / np.linalg.norm(gradient)
        jacobian -= np.outer(unit, unit @ jacobian)
        jacobian *= clipping / np.linalg.norm(gradient)
    return Dense(np.linalg.eigvalsh(jacobian.T @ jacobian), found)


def plain_jacobian(
    network: nn.Module, images: Tensor, targets: Tensor
) -> tuple[np.ndarray, np.ndarray]:
    """Derivative of the gradient in the pixels ``(P, N)``, and the gradient ``(P,)``."""
    leaf, weights = images.requires_grad_(), list(network.parameters())
    loss = record_losses("classification", network(leaf), targets).sum()
    of_weights = torch.autograd.grad(loss, weights, create_graph=True)
    (of_pixels,) = torch.autograd.grad(loss, leaf, create_graph=True)
    columns = [
        torch.cat(
            [
                part.flatten()
                for part in torch.autograd.grad(
                    pixel, weights, retain_graph=True, materialize_grads=True
                )
            ]
        )
        for pixel in of_pixels.flatten()
    ]
    gradient = torch.cat([part.flatten() for part in of_weights])
    return torch.stack(columns, dim=1).numpy(), gradient.detach().numpy()


def test_it_agrees_with_the_dense_eigenvalues(dense: Dense) -> None:
    largest = dense.eigenvalues.max()
    assert dense.found.values.max() == pytest.approx(largest, rel=1e-3)
    # Estimates of a trace over n from p random signs: at most sqrt(2 / (n p)) of the root mean
    # square of the terms, here four times that.
    for noise in np.sqrt(largest) * np.array([3e-2, 1e-2, 1e-3]):
        each = 1 / (dense.eigenvalues.clip(0) / noise**2 + 1 / PRIOR)
        error = 4 * np.sqrt((each**2).mean() * 2 / (256 * 4))
        assert abs(cramer_rao_error(dense.found, noise, PRIOR) - each.mean()) < error


SIDE, COPIES = 16, 64


class Linear(NamedTuple):
    """A layer whose units all have the same gradient: its weights' are copies of the slice."""

    network: nn.Module
    images: Tensor
    targets: Tensor

    def seen(self, sigma: float, draw: int = 0) -> Observation:
        return observe(
            self.network, lambda outputs, targets: outputs.sum(), self.images, self.targets,
            noise_multiplier=sigma, max_grad_norm=1.0, stream=SeededStream(0, 1, draw),
        )  # fmt: skip


@pytest.fixture
def linear() -> Linear:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(SIDE * SIDE, COPIES))
    return Linear(network, torch.from_numpy(picture(SIDE))[None, None], torch.zeros(1))


def bounds_of_linear(linear: Linear, sigma: float) -> tuple[float, float]:
    """The linear law and the Cramer-Rao bound, both without a prior: mean squared errors."""
    squared = (linear.images.double().numpy() ** 2).sum(keepdims=True)[0, 0, 0]
    found = end(
        information(linear.network, linear.seen(0.0), linear.images, linear.targets, seconds=1e9,
                    probes=60, steps=4)
    )  # fmt: skip
    return float(linear_error(sigma, squared)[0]), cramer_rao_error(found, sigma, NO_PRIOR)


def test_of_a_linear_layer_it_has_the_closed_form(linear: Linear) -> None:
    """Clipped, J is f (I - g g^T / |g|^2) times copies of the identity, g the gradient."""
    sigma, pixels = 1e-3, SIDE * SIDE
    squared = float((linear.images.double() ** 2).sum())
    _, estimated = bounds_of_linear(linear, sigma)
    closed = sigma**2 * (squared + 1) * (1 + squared / pixels)
    assert estimated == pytest.approx(closed, rel=0.05)


def test_least_squares_on_a_linear_layer_reaches_its_bounds_and_beats_neither(
    linear: Linear,
) -> None:
    sigma, draws = 1e-3, 60
    truth = linear.images.double().flatten()
    errors = []
    for draw in range(draws):
        weight, bias = (part.double() for part in linear.seen(sigma, draw).gradients.values())
        errors.append(float(((weight.mean(dim=0) / bias.mean() - truth) ** 2).mean()))
    mean, error = float(np.mean(errors)), float(np.std(errors) / draws**0.5)
    law, estimate = bounds_of_linear(linear, sigma)
    assert mean >= law - 4 * error
    assert mean >= 0.95 * estimate - 4 * error
    assert mean <= 1.05 * estimate + 4 * error


def unet(normalisation: str | None = None) -> nn.Module:
    return build(
        "unet-small", size=16, classes=2, task="segmentation", seed=0, normalisation=normalisation
    )


def leak(network: nn.Module, *sigmas: float, records: int = 1) -> np.ndarray:
    images, targets = batch(16, records, "segmentation")
    return leakage(
        network, "segmentation", images, targets, noise_multipliers=sigmas, prior_variance=PRIOR,
        probes=1, steps=15, seconds=1e9,
    )  # fmt: skip


def test_leakage_falls_with_noise_down_to_the_prior() -> None:
    found = leak(unet(), 1e-4, 1e-3, 1e-2, 0.1, 1e6)
    assert (np.diff(found) < 0).all()
    assert found[-1] == pytest.approx(decibel(PRIOR), abs=0.01)


def test_a_network_without_normalisation_leaks_less() -> None:
    assert leak(unet(), 1e-3)[0] > leak(unet("none"), 1e-3)[0] + 1


def test_a_record_leaks_no_more_in_a_batch() -> None:
    assert leak(unet(), 1e-3, records=3)[0] < leak(unet(), 1e-3)[0] + 1


def test_without_noise_there_is_no_bound_to_draw() -> None:
    with pytest.raises(BadInput, match="above 0"):
        leak(unet(), 0.0, 1.0)


def test_several_rounds_tell_more_than_one() -> None:
    images, targets = batch(16, 1, "segmentation")
    network = unet()

    def known(rounds: int) -> float:
        seen = observe(
            network, "segmentation", images, targets, noise_multiplier=0.0, max_grad_norm=1.0,
            stream=SeededStream(0, 1), rounds=rounds,
        )  # fmt: skip
        found = end(information(network, seen, images, targets, probes=1, steps=15, seconds=1e9))
        return cramer_rao_error(found, 1e-3, PRIOR)

    assert known(4) < known(1)
