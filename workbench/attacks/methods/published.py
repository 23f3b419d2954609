"""The published recipes, each as its authors set it, to compare others with.

The settings are those of the ``breaching`` library (Geiping 2022) for attacks of the same names.
Only two things differ. Where it counts steps, 24000 of them, here the share of the time counts, so
that every attack gets the same seconds. And the gradients are computed by our own matcher, which
knows of clipping and takes less time for a step than differentiating twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

from workbench.attacks.knowledge import Knowledge
from workbench.attacks.labels import infer_label, targets_for
from workbench.attacks.methods.plain import (
    by_squares,
    normal_noise,
    plain_lbfgs,
    stepped_adam,
)
from workbench.attacks.observation import Observation
from workbench.attacks.search.clock import Clock
from workbench.attacks.search.descent import Candidate, Guess, Measured
from workbench.attacks.search.matching import GradientMatcher
from workbench.attacks.search.search import Attack, Search

LEARNING_RATE = 0.1
SMOOTHING = 0.2

Attempt = Callable[[GradientMatcher, Clock, Tensor], Iterator[Guess]]


def inverting_gradients(
    observation: Observation, knowledge: Knowledge, *, seconds: float, restarts: int, seed: int
) -> Attack:
    """Cosine distance and total variation by signed Adam (Geiping et al. 2020).

    Step size 0.1, a tenth of it after 3/8, 5/8 and 7/8 of the time each; total variation 0.2; box
    [0, 1]; from normal noise. Guesses are compared by what is descended on, as published.

    Args:
        observation: the gradient and how it was made.
        knowledge: of network, size, and masks or labels; the label of one record is inferred where
            it is not told.
        seconds: for all attempts together, > 0.
        restarts: attempts; the one with the smallest objective is returned.
        seed: of the starting images.

    Returns:
        By yielding ``Reconstructing`` a few times a second, in the end a ``Reconstruction``.

    Raises:
        BadInput: masks or labels are needed and not known.
    """
    targets = targets_for(observation, knowledge)
    return (yield from _search(observation, knowledge, targets, _cosine, seconds, restarts, seed))


def idlg(
    observation: Observation, knowledge: Knowledge, *, seconds: float, restarts: int, seed: int
) -> Attack:
    """Squared distance by L-BFGS, the label read off the last layer's bias (Zhao et al. 2020).

    The label is read there even if it is told. Arguments and return as in
    :func:`inverting_gradients`.

    Raises:
        BadInput: the gradient is of several records, or the network has no bias at its end.
    """
    targets = torch.tensor([infer_label(observation)])
    return (yield from _search(observation, knowledge, targets, _squares, seconds, restarts, seed))


def lbfgs_distance(
    observation: Observation, knowledge: Knowledge, *, seconds: float, restarts: int, seed: int
) -> Attack:
    """Squared distance by L-BFGS with known masks or labels: breaching's deep leakage, helped.

    Arguments, return and errors as in :func:`inverting_gradients`.
    """
    targets = targets_for(observation, knowledge)
    return (yield from _search(observation, knowledge, targets, _squares, seconds, restarts, seed))


def outlined(images: Tensor) -> Tensor:
    """Anisotropic total variation of ``(B, 1, H, W)`` as breaching has it, a mean over pixels.

    Beyond the right and the lower edge everything is 0, so that bright edges count as steps.
    """
    padded = F.pad(images, (0, 1, 0, 1))
    right = padded[..., :-1, 1:] - images
    down = padded[..., 1:, :-1] - images
    return (right.abs() + down.abs()).mean()


def _search(
    observation: Observation,
    knowledge: Knowledge,
    targets: Tensor,
    attempt: Attempt,
    seconds: float,
    restarts: int,
    seed: int,
) -> Attack:
    shape = (observation.batch_size, 1, knowledge.size, knowledge.size)
    search = Search(shape, seconds)
    matcher = GradientMatcher(knowledge.network, observation, targets)
    for restart in range(restarts):
        search.begin()
        start = normal_noise(shape, restart, seed).to(matcher.dtype)
        yield from search.follow("searching", attempt(matcher, Clock(seconds / restarts), start))
        yield search.done()
    return search.result(labels=targets if targets.ndim == 1 else None)


def _cosine(matcher: GradientMatcher, clock: Clock, start: Tensor) -> Iterator[Guess]:
    def measure(candidate: Candidate) -> Measured:
        smoothed = SMOOTHING * outlined(candidate.images)
        wanted = matcher.compare(candidate).misdirection + smoothed
        return Measured(wanted, float(wanted.detach()))

    return stepped_adam(start, measure, clock, learning_rate=LEARNING_RATE)


def _squares(matcher: GradientMatcher, clock: Clock, start: Tensor) -> Iterator[Guess]:
    def measure(candidate: Candidate) -> Measured:
        return by_squares(matcher, candidate)

    return plain_lbfgs([start], measure, clock)
