"""What a gradient gives away of a slice, reckoned without attacking it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from workbench.attacks.bounds.bound import Bound
from workbench.attacks.bounds.lanczos import Spectrum, spectrum
from workbench.attacks.observation import Observation, observe
from workbench.attacks.scoring.score import decibel
from workbench.attacks.search.descent import Candidate
from workbench.attacks.search.matching import GradientMatcher
from workbench.dpsgd.randomness import SeededStream
from workbench.errors import BadInput
from workbench.models.losses import Loss, Task
from workbench.runs.events import Progress

PROBES, STEPS = 3, 60

_STEP = 1e-4
"""L2 length of the step of a finite difference in the image, in double precision."""


def information(
    network: nn.Module,
    observation: Observation,
    images: Tensor,
    targets: Tensor,
    *,
    probes: int = PROBES,
    steps: int = STEPS,
    seed: int = 0,
    seconds: float = 10.0,
) -> Generator[Progress, None, Spectrum]:
    """The spectrum of J^T J, where J is the derivative of what is shared by the true pixels.

    It needs the truth, so only the patients' side can reckon it. Clipping, local steps and rounds
    are part of J; noise is not, and one spectrum serves any of it.

    Args:
        network: the architecture.
        observation: how it was shared; its gradients are not used.
        images: the truth, ``(B, 1, H, W)`` in [0, 1].
        targets: masks ``(B, 1, H, W)`` or labels ``(B,)``.
        probes: random vectors, >= 1.
        steps: products with J^T J for each, at most.
        seed: of the vectors.
        seconds: that it may take; with fewer steps the bound is further off, on the safe side.
    """
    apply = _squared_derivative(network, observation, images, targets)
    found = spectrum(apply, images.numel(), probes=probes, steps=steps, seed=seed, seconds=seconds)
    while True:
        try:
            done = next(found)
        except StopIteration as end:
            result: Spectrum = end.value
            return result
        yield Progress(done=done, total=probes * steps, doing="reckoning what the gradient holds")


def cramer_rao_error(found: Spectrum, noise: float, prior_variance: float) -> float:
    """Bayesian Cramer-Rao bound of a pixel's mean squared error (Van Trees 1968; Guo et al. 2022).

    The mean over eigenvalues of 1 / (value / noise^2 + 1 / prior variance), as if each pixel had
    a Gaussian prior by itself, linearised at the truth.

    Args:
        found: of J^T J.
        noise: standard deviation in every coordinate of what is shared, > 0.
        prior_variance: of a pixel, > 0.
    """
    each = 1 / (found.values / noise**2 + 1 / prior_variance)
    return float(found.weights @ each)


def cramer_rao(found: Spectrum, noise: float, prior_variance: float) -> Bound:
    """The bound as PSNR.

    Args:
        found: of J^T J.
        noise: standard deviation in every coordinate of what is shared, > 0.
        prior_variance: of a pixel among public slices, > 0.
    """
    return Bound(
        name="PSNR by the Cramer-Rao estimate",
        value=decibel(cramer_rao_error(found, noise, prior_variance)),
        unit="dB",
        assumption="An attacker who knows masks or labels, is near the true slice already, and "
        "knows of a pixel only how much it varies; an estimate from random probes.",
        beaten_by_prior=True,
    )


def leakage(
    network: nn.Module,
    task: Task | Loss,
    images: Tensor,
    targets: Tensor,
    *,
    noise_multipliers: Sequence[float],
    prior_variance: float,
    max_grad_norm: float = 1.0,
    probes: int = PROBES,
    steps: int = STEPS,
    seed: int = 0,
    seconds: float = 10.0,
) -> np.ndarray:
    """PSNR that the gradient of these slices allows at each noise, without attacking it.

    Compare networks by it: architectures, activations, normalisations, trained or not. A failed
    attack may be a weak one; this does not depend on any attack.

    Args:
        network: at the weights in question, fit for per-record gradients.
        task: which loss.
        images: ``(B, 1, H, W)`` in [0, 1].
        targets: masks ``(B, 1, H, W)`` or labels ``(B,)``.
        noise_multipliers: ``(S,)``, standard deviations over the clipping norm, > 0.
        prior_variance: of a pixel among public slices, > 0.
        max_grad_norm: L2 norm that each record's gradient is clipped to.
        probes: random vectors, >= 1.
        steps: products with each, at most.
        seed: of the vectors.
        seconds: that it may take.

    Returns:
        float64 ``(S,)`` in dB; see :func:`cramer_rao` for what it assumes.

    Raises:
        BadInput: a noise multiplier is not above 0.
    """
    if not all(sigma > 0 for sigma in noise_multipliers):
        raise BadInput(
            "Noise multipliers must be above 0: without noise no bound holds.",
            field="noise_multiplier",
        )
    seen = observe(
        network, task, images, targets, noise_multiplier=0.0, max_grad_norm=max_grad_norm,
        stream=SeededStream(seed, 0),
    )  # fmt: skip
    found = _end(
        information(
            network, seen, images, targets, probes=probes, steps=steps, seed=seed, seconds=seconds
        )
    )
    scale = max_grad_norm / len(images)
    return np.array(
        [decibel(cramer_rao_error(found, one * scale, prior_variance)) for one in noise_multipliers]
    )


def _squared_derivative(
    network: nn.Module, observation: Observation, images: Tensor, targets: Tensor
) -> Callable[[np.ndarray], np.ndarray]:
    """J^T J times a vector: along it by central differences, back by one backward pass."""
    undefended = replace(
        observation, defence=None,
        further=tuple(replace(other, defence=None) for other in observation.further),
    )  # fmt: skip
    matcher = GradientMatcher(network, undefended, targets, torch.float64)
    truth = images.double()

    def shared(pictures: Tensor) -> Tensor:
        return torch.cat([part.flatten() for part in matcher.shared(Candidate(pictures))])

    leaf = truth.clone().requires_grad_()
    here = shared(leaf)

    def apply(direction: np.ndarray) -> np.ndarray:
        step = _STEP * torch.from_numpy(direction).view_as(truth)
        with torch.no_grad():
            along = (shared(truth + step) - shared(truth - step)) / (2 * _STEP)
        (back,) = torch.autograd.grad(here, leaf, along, retain_graph=True)
        product: np.ndarray = back.flatten().numpy()
        return product

    return apply


def _end(steps: Generator[Progress, None, Spectrum]) -> Spectrum:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: Spectrum = end.value
            return found
