"""One attempt on a network with second derivatives: signed Adam finds the way, L-BFGS the digits.

Where deep layers tell of their inputs, those are matched first, and mostly nothing else is needed.
The cosine distance finds the way from grey, the squared distance the last digits. From slices of
other people the squared distance goes all the way, pixels scaled by what is told of them. Where
noise was added, total variation stays on as the prior of a maximum a-posteriori estimate, so that
its weight follows from the noise that the attacker knows of and from nothing that has to be tuned.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from workbench.attacks.events import Reconstructing
from workbench.attacks.knowledge import Knowledge
from workbench.attacks.methods.patches import PatchSpan, by_patches, drawn
from workbench.attacks.methods.uneven import curvatures, rescaled, steps
from workbench.attacks.observation import Observation
from workbench.attacks.search.clock import Clock
from workbench.attacks.search.descent import (
    Candidate,
    Guess,
    Measured,
    Render,
    adam,
    as_images,
    half_cosine,
    lbfgs,
)
from workbench.attacks.search.matching import GradientMatcher, total_variation
from workbench.attacks.search.search import Search

LEARNING_RATE = 0.1
SMOOTHING = 1e-2
TYPICAL_STEP = 0.2
"""Mean difference between neighbouring pixels of a CT slice shown in [0, 1]; public knowledge."""

PATCHES_SHARE, FOUND = 0.5, 1e-3
"""Of the time, for the search by patches where a network's layers tell of them; and how near the
direction of its gradient must come for the slice to count as found."""

SEARCHING_SHARE = 0.05
RESCALED_SHARES = (0.1, 0.2, 0.7)
"""Of the time from a public start, with new steps for the pixels at the beginning of each."""

ASTRAY = 0.1
"""Distance that the first of these shares must come below. Where it does not, as with a gradient
that was shortened untold, the search begins anew and by direction."""

LEVELS, COARSER = 3, 0.6
"""What L-BFGS searches: the picture, and coarser ones that are added to it, each of half the size
of the one before and this much of its weight. Slices are smooth, and so large parts of them move at
once: up to 5 dB more in the first seconds on CT, on U-Nets of two sizes, and no loss later."""

WORTHWHILE = 1e-3
"""Share of the objective that a dozen steps must take from it."""

SCALED = 4.0
"""How many times worse than its direction a gradient's length may fit before it is not believed."""


def smooth(
    search: Search,
    observation: Observation,
    knowledge: Knowledge,
    targets: Tensor,
    start: Tensor,
    seconds: float,
) -> Iterator[Reconstructing]:
    """Search once from a starting image.

    Args:
        search: that this is an attempt of.
        observation: what was shared.
        knowledge: of the network and its size.
        targets: masks or labels.
        start: ``(B, 1, H, W)``.
        seconds: for this attempt.
    """
    clock = Clock(seconds)
    matcher = GradientMatcher(knowledge.network, observation, targets)
    prior = prior_weight(matcher, start.numel())
    start = start.to(matcher.dtype)
    if (yield from _by_patches(search, matcher, observation, knowledge, clock, start)):
        yield from search.follow("refining", _lbfgs(search, matcher, prior, clock))
        return
    if _has_public(knowledge) and not prior:
        yield from _from_public(search, matcher, clock, start)
        if search.own_best.objective < ASTRAY:
            return
        search.own_best = Guess(Candidate(start), math.inf)
    way = _adam(matcher, prior, clock.part(SEARCHING_SHARE), start)
    yield from search.follow("searching", way)
    yield from search.follow("refining", _lbfgs(search, matcher, prior, clock))


def _by_patches(
    search: Search,
    matcher: GradientMatcher,
    observation: Observation,
    knowledge: Knowledge,
    clock: Clock,
    start: Tensor,
) -> Generator[Reconstructing, None, bool]:
    """Match what deep layers tell of their inputs; whether that found the slices."""
    span = PatchSpan(knowledge.network, observation, knowledge.size)
    if not span.told:
        return False
    if _has_public(knowledge):
        near = start
    else:
        near = drawn(knowledge.size).to(start) + start - start.mean()
    way = by_patches(span, matcher, clock.part(PATCHES_SHARE), Candidate(near))
    yield from search.follow("matching features", way)
    compared = matcher.compare(search.own_best.candidate)
    if 2 * float(compared.misdirection.detach()) < FOUND:
        return True
    search.own_best = Guess(Candidate(start), math.inf)
    return False


def _has_public(knowledge: Knowledge) -> bool:
    return knowledge.public is not None and len(knowledge.public) > 0


def _from_public(
    search: Search, matcher: GradientMatcher, clock: Clock, start: Tensor
) -> Iterator[Reconstructing]:
    """L-BFGS at once, in steps that are the longer the less is told of a pixel.

    Signed Adam would spoil a start that lies near already. Ends early where it goes astray.
    """
    for share in RESCALED_SHARES:
        render = rescaled(start, steps(curvatures(matcher, start)), sum_of_levels)
        origin = pyramid(torch.zeros_like(start))
        way = by_distance(matcher, 0.0, clock.part(share), origin, render=render)
        yield from search.follow("refining", way)
        if clock.over or not search.own_best.objective < ASTRAY:
            return
        start = search.own_best.candidate.images.to(matcher.dtype)


def _adam(matcher: GradientMatcher, prior: float, clock: Clock, start: Tensor) -> Iterator[Guess]:
    def measure(candidate: Candidate, share: float) -> Measured:
        return by_direction(matcher, candidate, prior, SMOOTHING * half_cosine(share))

    return adam([start], measure, clock, learning_rates=[LEARNING_RATE], signed=True, decayed=True)


def _lbfgs(search: Search, matcher: GradientMatcher, prior: float, clock: Clock) -> Iterator[Guess]:
    scaled = not prior and _is_scaled(matcher, search.own_best.candidate)
    start = search.own_best.candidate.images.to(matcher.dtype)
    return by_distance(matcher, prior, clock, pyramid(start), render=sum_of_levels, scaled=scaled)


def by_distance(
    matcher: GradientMatcher,
    prior: float,
    clock: Clock,
    searched: Sequence[Tensor],
    *,
    render: Render = as_images,
    scaled: bool = False,
    worthwhile: float = WORTHWHILE,
) -> Iterator[Guess]:
    """L-BFGS on the squared distance; with a prior on the posterior.

    Args:
        matcher: of the observation.
        prior: weight of total variation beside the squared distance.
        clock: of this stage.
        searched: tensors to begin with.
        render: from what is searched to a candidate.
        scaled: whether the gradient's length is not believed, so that its direction is matched.
        worthwhile: share of the objective that a dozen steps must take from it, without a prior.
    """

    def measure(candidate: Candidate) -> Measured:
        compared = matcher.compare(candidate)
        wanted = 2 * compared.misdirection if scaled else compared.distance
        if prior:
            wanted = wanted + prior * total_variation(candidate.images)
        return Measured(wanted, float(wanted.detach()))

    def enough(objective: float) -> float:
        """Of a posterior, one unit of its exponent."""
        return 2 * matcher.relative_noise**2 if prior else worthwhile * objective

    return lbfgs(searched, measure, clock, worthwhile=enough, render=render)


def _is_scaled(matcher: GradientMatcher, found: Candidate) -> bool:
    """Whether the observed gradient was made shorter without the attacker being told.

    Its direction then fits far better than its length. The squared distance is about twice the
    misdirection where both fit alike; on direction alone a slice comes back about as well.
    """
    compared = matcher.compare(found)
    return float(compared.distance.detach()) > SCALED * 2 * float(compared.misdirection.detach())


def pyramid(images: Tensor) -> list[Tensor]:
    """The images ``(B, 1, H, W)``, and coarser ones to be added to them, 0 as yet."""
    levels = range(1, LEVELS)
    return [images, *(torch.zeros_like(F.avg_pool2d(images, 2**level)) for level in levels)]


def sum_of_levels(searched: Sequence[Tensor]) -> Candidate:
    """The picture that a pyramid stands for."""
    images, *coarser = searched
    for level, coarse in enumerate(coarser, start=1):
        enlarged = F.interpolate(
            coarse, size=images.shape[-2:], mode="bilinear", align_corners=False
        )
        images = images + COARSER**level * enlarged
    return Candidate(images)


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
    weight = max(smoothing, prior * matcher.norm / (2 * matcher.signal)) if prior else smoothing
    objective = compared.distance.detach() + prior * roughness.detach()
    return Measured(compared.misdirection + weight * roughness, float(objective))


def prior_weight(matcher: GradientMatcher, pixels: int) -> float:
    """Weight of total variation (mean over pixels) beside the squared distance.

    The posterior of an image is exp(-|gap|^2 / 2 s^2 - sum |step| / b), with noise of standard
    deviation s in every coordinate and Laplacian steps between pixels of mean size b. Times
    2 s^2 / |observed|^2 its exponent is the distance plus this weight times the mean step.
    """
    return 2 * matcher.relative_noise**2 * pixels / TYPICAL_STEP
