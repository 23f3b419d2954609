"""The optimisation attack: search for an image that would have shared the observed gradient.

First signed Adam on the cosine distance with total variation, then L-BFGS on the squared distance.
The cosine finds the way from grey, the squared distance the last digits. Where noise was added,
total variation stays on as the prior of a maximum a-posteriori estimate, so that its weight follows
from the noise that the attacker knows of and from nothing that has to be tuned.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from workbench.attacks.events import Reconstructing
from workbench.attacks.knowledge import Knowledge
from workbench.attacks.labels import targets_for
from workbench.attacks.observation import Observation
from workbench.attacks.search.clock import Clock
from workbench.attacks.search.descent import (
    Candidate,
    Guess,
    Measured,
    adam,
    as_images,
    half_cosine,
    lbfgs,
)
from workbench.attacks.search.matching import GradientMatcher, total_variation
from workbench.attacks.search.search import Attack, Search

GREY, GREY_SPREAD = 0.3, 0.02
LEARNING_RATE, KINKED_LEARNING_RATE = 0.1, 0.05
SMOOTHING = 1e-2
KINKED_SMOOTHING = 0.03
TYPICAL_STEP = 0.2
"""Mean difference between neighbouring pixels of a CT slice shown in [0, 1]; public knowledge."""

COARSE_FROM = 96
"""Side in pixels from which on half the resolution is searched first."""

COARSE_SHARE, FINE_SHARE = 0.08, 0.1


def two_stage(
    observation: Observation, knowledge: Knowledge, *, seconds: float, restarts: int, seed: int
) -> Attack:
    """Look for the images behind a gradient.

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
    shape = (observation.batch_size, 1, knowledge.size, knowledge.size)
    targets = targets_for(observation, knowledge)
    search = Search(shape, seconds)
    for restart in range(restarts):
        search.begin()
        start = grey(shape, restart, seed)
        yield from _attempt(search, observation, knowledge, targets, start, seconds / restarts)
        yield search.done()
    return search.result(labels=targets if targets.ndim == 1 else None)


def _attempt(
    search: Search,
    observation: Observation,
    knowledge: Knowledge,
    targets: Tensor,
    start: Tensor,
    seconds: float,
) -> Iterator[Reconstructing]:
    clock = Clock(seconds)
    matcher = GradientMatcher(knowledge.network, observation, targets)
    prior = prior_weight(observation, start.numel())
    if not matcher.smooth:
        guesses = _kinked(matcher, prior, clock, start)
        yield from search.follow("searching (network with kinks)", guesses)
        return
    if knowledge.size >= COARSE_FROM:
        small, part = F.avg_pool2d(start, 2), clock.part(COARSE_SHARE)
        coarse = _adam(matcher, prior, part, small, signed=False, doubled=True)
        yield from search.follow("searching at half resolution", coarse)
        start = search.own_best.candidate.images
    fine = _adam(matcher, prior, clock.part(FINE_SHARE), start, signed=True)
    yield from search.follow("searching", fine)
    yield from search.follow("refining", _lbfgs(search, matcher, prior, clock))
    if not prior:
        exact = GradientMatcher(knowledge.network, observation, targets, torch.float64)
        yield from search.follow(
            "refining in double precision", _lbfgs(search, exact, prior, clock)
        )


def _adam(
    matcher: GradientMatcher,
    prior: float,
    clock: Clock,
    start: Tensor,
    *,
    signed: bool,
    doubled: bool = False,
) -> Iterator[Guess]:
    def measure(candidate: Candidate, share: float) -> Measured:
        return by_direction(matcher, candidate, prior, SMOOTHING * half_cosine(share))

    return adam(
        [start], measure, clock, learning_rates=[LEARNING_RATE], signed=signed, decayed=True,
        render=_doubled if doubled else as_images,
    )  # fmt: skip


def _kinked(matcher: GradientMatcher, prior: float, clock: Clock, start: Tensor) -> Iterator[Guess]:
    def measure(candidate: Candidate, share: float) -> Measured:
        del share
        return by_direction(matcher, candidate, prior, KINKED_SMOOTHING)

    return adam(
        [start], measure, clock, learning_rates=[KINKED_LEARNING_RATE], signed=False, decayed=False
    )


def _lbfgs(search: Search, matcher: GradientMatcher, prior: float, clock: Clock) -> Iterator[Guess]:
    def measure(candidate: Candidate) -> Measured:
        wanted = matcher.compare(candidate).distance
        if prior:
            wanted = wanted + prior * total_variation(candidate.images)
        return Measured(wanted, float(wanted.detach()))

    def worthwhile(objective: float) -> float:
        """One part in a hundred; of a posterior, one unit of its exponent."""
        return 2 * matcher.relative_noise**2 if prior else 0.01 * objective

    start = search.own_best.candidate.images.to(matcher.dtype)
    return lbfgs([start], measure, clock, worthwhile=worthwhile)


def by_direction(
    matcher: GradientMatcher, candidate: Candidate, prior: float, smoothing: float
) -> Measured:
    """Descend on the cosine distance with total variation, compare by the posterior.

    Args:
        matcher: of the observation.
        candidate: to be measured.
        prior: weight of total variation beside the squared distance.
        smoothing: smallest weight of total variation beside the cosine distance.
    """
    compared = matcher.compare(candidate)
    roughness = total_variation(candidate.images)
    weight = max(smoothing, prior * matcher.norm / (2 * matcher.signal))
    objective = compared.distance.detach() + prior * roughness.detach()
    return Measured(compared.misdirection + weight * roughness, float(objective))


def prior_weight(observation: Observation, pixels: int) -> float:
    """Weight of total variation (mean over pixels) beside the squared distance.

    The posterior of an image is exp(-|gap|^2 / 2 s^2 - sum |step| / b), with noise of standard
    deviation s in every coordinate and Laplacian steps between pixels of mean size b. Times
    2 s^2 / |observed|^2 its exponent is the distance plus this weight times the mean step.
    """
    if not observation.noise:
        return 0.0
    return 2 * observation.noise**2 * pixels / (TYPICAL_STEP * observation.norm**2)


def grey(shape: tuple[int, ...], restart: int, seed: int) -> Tensor:
    """Where to begin when nothing is known: grey with a little noise."""
    noise = np.random.default_rng((seed, restart)).standard_normal(shape)
    return torch.from_numpy(GREY + GREY_SPREAD * noise).float().clamp(0, 1)


def _doubled(searched: Sequence[Tensor]) -> Candidate:
    return Candidate(
        F.interpolate(searched[0], scale_factor=2, mode="bilinear", align_corners=False)
    )
