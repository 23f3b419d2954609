"""From a gradient to slice and mask by linear regression, learned on pictures that one has."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from workbench.attacks.observation import Observation
from workbench.attacks.search.clock import Clock
from workbench.attacks.search.descent import Candidate
from workbench.attacks.search.matching import GradientMatcher

COORDINATES = 32768
"""Of the gradient, drawn at random, that the regression looks at; more changed nothing."""

RIDGE = 0.1
"""Relative to the mean squared length of the standardised gradients. Between 0.001 and 1 the
result hardly depends on it."""

FEWEST = 8
"""Pictures below which there is nothing to learn from."""


def regressed(
    matcher: GradientMatcher,
    observation: Observation,
    pictures: tuple[Tensor, Tensor],
    *,
    clock: Clock,
    seed: int,
) -> Iterator[Candidate | None]:
    """Slice and mask that a gradient suggests, by ridge regression.

    The attacker computes the gradient of each picture with its own mask and learns the linear map
    back (Wu et al. 2023 learn a network for it). Of the slice it says little more than the mean of
    the pictures. The organ it finds on untrained networks, roughly and even if the pictures are
    drawings: the gradient is linear in what the output got wrong, and that is the mask.

    Args:
        matcher: of the observation, without targets of its own.
        observation: of one record; of several rounds the first is looked at.
        pictures: slices in [0, 1] and masks, both ``(N, 1, H, W)``.
        clock: no gradients are computed after it is over.
        seed: of the order of pictures and the choice of coordinates.

    Yields:
        ``None`` after each picture; in the end images and masks ``(1, 1, H, W)`` in [0, 1], unless
        there was time for fewer than ``FEWEST`` pictures.
    """
    rng = np.random.default_rng(seed)
    observed = _flat(list(observation.gradients.values()))
    kept = torch.from_numpy(rng.permutation(len(observed))[:COORDINATES])
    gradients, answers = [], []
    for number in rng.permutation(len(pictures[0])).tolist():
        image, mask = (part[number : number + 1].to(matcher.dtype) for part in pictures)
        shared = matcher.shared(Candidate(image, mask))[: len(observation.gradients)]
        gradients.append(_flat(shared)[kept].double())
        answers.append(torch.cat([image, mask], dim=1).flatten().double())
        yield None
        if clock.over:
            break
    if len(gradients) < FEWEST:
        return
    known, asked = torch.stack(gradients), observed[kept].double()
    found = _ridge(known, torch.stack(answers), asked, observation.noise).clamp(0, 1)
    size = pictures[0].shape[-2:]
    found_image, found_mask = found.view(1, 2, *size).to(matcher.dtype).chunk(2, dim=1)
    yield Candidate(found_image, found_mask)


def _ridge(known: Tensor, answers: Tensor, asked: Tensor, noise: float) -> Tensor:
    """The answer to what is asked, by those known: ``(N, K)``, ``(N, M)`` and ``(K,)``."""
    centre, mean = known.mean(dim=0), answers.mean(dim=0)
    scale = (known.var(dim=0) + noise**2).sqrt().clamp(min=1e-30)
    inputs, question = (known - centre) / scale, (asked - centre) / scale
    products = inputs @ inputs.T
    ridge = RIDGE * products.diagonal().mean()
    solved = torch.linalg.solve(products + ridge * torch.eye(len(known)).double(), answers - mean)
    return mean + (inputs @ question) @ solved


def _flat(tensors: list[Tensor]) -> Tensor:
    return torch.cat([tensor.detach().flatten() for tensor in tensors])
