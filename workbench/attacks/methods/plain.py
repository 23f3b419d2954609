"""What the published recipes have in common: two ways downhill, as PyTorch has them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from workbench.attacks.search.clock import Clock
from workbench.attacks.search.descent import Candidate, Guess, Measured, Render, as_images
from workbench.attacks.search.matching import GradientMatcher

MILESTONES = (3 / 8, 5 / 8, 7 / 8)
"""Shares of the time after which the step is a tenth of what it was."""

Measure = Callable[[Candidate], Measured]


def normal_noise(shape: tuple[int, ...], restart: int, seed: int) -> Tensor:
    """Where the published recipes begin: N(0, 1) in every pixel, float64."""
    return torch.from_numpy(np.random.default_rng((seed, restart)).standard_normal(shape))


def by_squares(matcher: GradientMatcher, candidate: Candidate) -> Measured:
    """Descend on half the squared distance, compare by it over the observed squared norm."""
    distance = matcher.compare(candidate).distance
    return Measured(distance * (matcher.norm**2 / 2), float(distance.detach()))


def stepped_adam(
    start: Tensor, measure: Measure, clock: Clock, *, learning_rate: float
) -> Iterator[Guess]:
    """Adam along the signs of the gradient, inside the box [0, 1], its step a tenth thrice.

    Args:
        start: images, ``(B, 1, H, W)``; may lie outside the box.
        measure: of a candidate.
        clock: of this stage.
        learning_rate: at the beginning.
    """
    images = start.detach().clone().requires_grad_()
    optimizer = torch.optim.Adam([images], lr=learning_rate)
    while not clock.over:
        passed = sum(clock.share >= milestone for milestone in MILESTONES)
        measured = measure(Candidate(images))
        (gradient,) = torch.autograd.grad(measured.descended, images)
        yield Guess(Candidate(images).detached(), measured.objective)
        if not torch.isfinite(gradient).all():
            return
        images.grad = gradient.sign()
        optimizer.param_groups[0]["lr"] = learning_rate * 0.1**passed
        optimizer.step()
        with torch.no_grad():
            images.clamp_(0, 1)


def plain_lbfgs(
    start: Sequence[Tensor], measure: Measure, clock: Clock, *, render: Render = as_images
) -> Iterator[Guess]:
    """L-BFGS without line search, with full steps and no box: it may leave the numbers.

    Ends there, where nothing moves any more, or when the time is up.

    Args:
        start: what is searched, images first.
        measure: of a rendered candidate.
        clock: of this stage.
        render: from what is searched to a candidate.
    """
    searched = [tensor.detach().clone().requires_grad_() for tensor in start]
    # One iteration a call, so that it can be stopped; the memory is kept between calls.
    optimizer = torch.optim.LBFGS(searched, lr=1.0, max_iter=1, history_size=100)
    guess: Guess | None = None

    def closure() -> Tensor:
        nonlocal guess
        candidate = render(searched)
        measured = measure(candidate)
        guess = Guess(candidate.detached(), measured.objective)
        gradients = torch.autograd.grad(measured.descended, searched)
        for one, gradient in zip(searched, gradients, strict=True):
            one.grad = gradient
        return measured.descended.detach()

    while not clock.over:
        before = [one.detach().clone() for one in searched]
        loss = optimizer.step(closure)
        assert guess is not None
        yield guess
        still = all(torch.equal(a, b) for a, b in zip(before, searched, strict=True))
        if still or not torch.isfinite(loss):
            return
