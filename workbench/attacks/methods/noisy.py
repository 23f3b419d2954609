"""The attack on a gradient with noise: as much total variation as the noise calls for.

Total variation is the prior of a maximum a-posteriori estimate, and how strong it should be depends
on the slice. The attacker tries several strengths, each on nine tenths of the gradient's values.
The last tenth, which the estimate has not seen, says which one is best: there the squared distance
is that of the noise, the same for all, plus that of the estimate (Stone 1974).

Morozov's discrepancy principle, the largest weight whose residual is that of the noise, needs no
values held out, but takes the residual at the estimate for that at the truth. On gradients of CT
slices it smoothed too much: on a U-Net with noise multiplier 0.001 it cost several decibel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from workbench.attacks.events import Reconstructing
from workbench.attacks.knowledge import Knowledge
from workbench.attacks.labels import targets_for
from workbench.attacks.methods.kinked import NARROW, sharpening
from workbench.attacks.methods.rounded import Roundness, rounded
from workbench.attacks.methods.smooth import prior_weight
from workbench.attacks.methods.start import starting_images
from workbench.attacks.observation import Observation
from workbench.attacks.search.clock import Clock
from workbench.attacks.search.descent import (
    Candidate,
    Guess,
    Measured,
    lbfgs,
)
from workbench.attacks.search.matching import GradientMatcher, total_variation
from workbench.attacks.search.search import Attack, Search

STRENGTHS = (1.0, 2.0, 0.5)
"""Of total variation that are tried, relative to what is typical of CT slices; after them once
more in the direction of the best."""

HELD_OUT = 0.1
SEARCHING_SHARE, TYPICAL_SHARE, STRENGTH_SHARE = 0.1, 0.4, 0.08
SMOOTHING = 1e-2


class Tried(NamedTuple):
    """One strength and what it led to.

    Attributes:
        strength: one of ``STRENGTHS``.
        candidate: that it led to.
        residual: mean squared distance in the values held out; the smaller, the better.
    """

    strength: float
    candidate: Candidate
    residual: float


def noisy(
    observation: Observation, knowledge: Knowledge, *, seconds: float, restarts: int, seed: int
) -> Attack:
    """Look for the images behind a gradient with noise.

    Guesses are compared by their squared distance plus total variation of the typical strength.
    A gradient without noise is searched without total variation.

    Args:
        observation: the gradient, how it was made, and how much noise it has.
        knowledge: of network, size, and masks or labels; the label of one record is inferred where
            it is not told.
        seconds: for all attempts together, > 0.
        restarts: attempts; the one with the smallest objective is returned.
        seed: of the starting images, and of which values are held out.

    Returns:
        By yielding ``Reconstructing`` a few times a second, in the end a ``Reconstruction``.

    Raises:
        BadInput: masks or labels are needed and not known.
    """
    shape = (observation.batch_size, 1, knowledge.size, knowledge.size)
    targets = targets_for(observation, knowledge)
    search = Search(shape, seconds)
    roundness = Roundness(NARROW)
    matcher = GradientMatcher(rounded(knowledge.network, roundness), observation, targets)
    for restart in range(restarts):
        search.begin()
        start = starting_images(observation, knowledge, targets, restart, seed)
        start = start.to(matcher.dtype)
        clock = Clock(seconds / restarts)
        first = sharpening(
            matcher, roundness, prior_weight(matcher, start.numel()),
            clock.part(SEARCHING_SHARE), start, smoothing=SMOOTHING,
        )  # fmt: skip
        yield from search.follow("searching", first)
        roundness.width = NARROW
        yield from _strengths(search, matcher, observation, clock, seed)
        yield search.done()
    return search.result(labels=targets if targets.ndim == 1 else None)


def _strengths(
    search: Search, matcher: GradientMatcher, observation: Observation, clock: Clock, seed: int
) -> Iterator[Reconstructing]:
    """Try the strengths where there is noise, then go on with the best one and all values."""
    best = Tried(1.0, search.own_best.candidate, 0.0)
    prior = prior_weight(matcher, best.candidate.images.numel())
    if prior and observation.defence is None:
        halves = HeldOut(matcher, observation, seed)
        tried: list[Tried] = []
        for strength in STRENGTHS:
            begin = tried[0].candidate if tried else best.candidate
            part = clock.part(STRENGTH_SHARE if tried else TYPICAL_SHARE)
            yield from _try(search, halves, prior, strength, begin, part, tried)
        best = min(tried, key=lambda one: one.residual)
        if best.strength != 1.0:
            farther, part = best.strength**2, clock.part(STRENGTH_SHARE)
            yield from _try(search, halves, prior, farther, best.candidate, part, tried)
            best = min(tried, key=lambda one: one.residual)
    search.forget()
    guesses = _refine(matcher, prior, best.strength, clock, best.candidate)
    yield from search.follow(f"refining, total variation of strength {best.strength:g}", guesses)


class HeldOut:
    """A gradient's values in two parts: one to search by, one to judge by.

    Args:
        matcher: of the observation.
        observation: what was shared; without a defence, whose values would say nothing apart.
        seed: of which values are held out.
    """

    def __init__(self, matcher: GradientMatcher, observation: Observation, seed: int) -> None:
        self.matcher = matcher
        rounds = (observation, *observation.further)
        self._observed = torch.cat(
            [gradient.flatten() for seen in rounds for gradient in seen.gradients.values()]
        ).to(matcher.dtype)
        drawn = np.random.default_rng((seed, 1)).random(len(self._observed)) < HELD_OUT
        self._held = torch.from_numpy(drawn)

    def searched_by(self, candidate: Candidate) -> Tensor:
        """Squared distance over squared norm as the values searched by tell it; scalar."""
        gap = self._gap(candidate).masked_fill(self._held, 0.0)
        return gap.dot(gap) / (self.matcher.norm**2 * (1 - HELD_OUT))

    @torch.no_grad()
    def judged_by(self, candidate: Candidate) -> float:
        """Mean squared distance in the values held out."""
        return float(self._gap(candidate)[self._held].square().mean())

    def _gap(self, candidate: Candidate) -> Tensor:
        return torch.cat([part.flatten() for part in self.matcher.shared(candidate)]) - (
            self._observed
        )


def _try(
    search: Search,
    halves: HeldOut,
    prior: float,
    strength: float,
    begin: Candidate,
    clock: Clock,
    tried: list[Tried],
) -> Iterator[Reconstructing]:
    """Search with one strength, and judge where it ends."""
    last = Guess(begin, np.inf)

    def measure(candidate: Candidate) -> Measured:
        distance, roughness = halves.searched_by(candidate), total_variation(candidate.images)
        typical = float((distance + prior * roughness).detach())
        return Measured(distance + strength * prior * roughness, typical)

    def guesses() -> Iterator[Guess]:
        nonlocal last
        for guess in lbfgs([begin.images], measure, clock, worthwhile=_one_unit(halves.matcher)):
            last = guess
            yield guess

    yield from search.follow(f"trying total variation of strength {strength:g}", guesses())
    tried.append(Tried(strength, last.candidate, halves.judged_by(last.candidate)))


def _refine(
    matcher: GradientMatcher, prior: float, strength: float, clock: Clock, begin: Candidate
) -> Iterator[Guess]:
    def measure(candidate: Candidate) -> Measured:
        distance = matcher.compare(candidate).distance
        roughness = total_variation(candidate.images)
        typical = float((distance + prior * roughness).detach())
        return Measured(distance + strength * prior * roughness, typical)

    yield Guess(begin, measure(begin).objective)
    yield from lbfgs([begin.images], measure, clock, worthwhile=_one_unit(matcher))


def _one_unit(matcher: GradientMatcher) -> Callable[[float], float]:
    """A dozen steps must take one unit from a posterior's exponent, else a hundredth."""
    unit = 2 * matcher.relative_noise**2
    return lambda objective: unit or 0.01 * objective
