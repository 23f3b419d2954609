"""The search on a network with kinks: ReLU, PReLU, max-pooling.

Such a network's gradient jumps wherever a unit switches, and no derivative tells of the jump; a
search on it stalls after a few decibel although all is there to be found. So the attacker searches
on a copy whose kinks are rounded, widely at first, then less and less (graduated non-convexity,
Blake and Zisserman 1987), until the copy's gradient is nearly that of the network itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from workbench.attacks.events import Reconstructing
from workbench.attacks.knowledge import Knowledge
from workbench.attacks.methods.rounded import Roundness, rounded
from workbench.attacks.methods.smooth import by_direction, by_distance, prior_weight
from workbench.attacks.observation import Observation
from workbench.attacks.search.clock import Clock
from workbench.attacks.search.descent import (
    Candidate,
    Guess,
    Measured,
    adam,
    half_cosine,
)
from workbench.attacks.search.matching import GradientMatcher
from workbench.attacks.search.search import Search

WIDEST, NARROW = 0.5, 0.01
"""Of a kink's rounding at the beginning and the end of the first stage, in units of the input of
an activation, which normalisation spreads over 1."""

NARROWER = (0.01, 0.003, 0.001, 0.0003)
"""Of a kink's rounding in the last stages."""

SEARCHING_SHARE = 0.4
LEARNING_RATE = 0.1
SMOOTHING = 0.1
WORTHWHILE = 0.01
"""Share of the objective that a dozen steps must take from it before the kinks sharpen further."""


def kinked(
    search: Search,
    observation: Observation,
    knowledge: Knowledge,
    targets: Tensor,
    start: Tensor,
    seconds: float,
) -> Iterator[Reconstructing]:
    """One attempt of an attack on a network with kinks.

    Signed Adam on the cosine distance with total variation, both decayed, while the kinks sharpen;
    then L-BFGS on the squared distance at sharper and sharper kinks. Guesses are compared by their
    distance on the rounded network; the sharper its kinks, the smaller a distance can be reached.

    Args:
        search: of the attack; it has begun this attempt.
        observation: the gradient and how it was made.
        knowledge: of the network.
        targets: masks ``(B, 1, H, W)`` or labels ``(B,)``.
        start: images to begin at, ``(B, 1, H, W)``.
        seconds: of this attempt, > 0.

    Yields:
        Frames, a few a second; what was found is in ``search.own_best``.
    """
    clock = Clock(seconds)
    roundness = Roundness(WIDEST)
    matcher = GradientMatcher(rounded(knowledge.network, roundness), observation, targets)
    prior = prior_weight(matcher, start.numel())
    part, start = clock.part(SEARCHING_SHARE), start.to(matcher.dtype)
    wide = sharpening(matcher, roundness, prior, part, start)
    yield from search.follow("searching, kinks rounded less and less", wide)
    for stage, width in enumerate(NARROWER):
        roundness.width = width
        share = (1 - clock.share) / (len(NARROWER) - stage)
        narrow = _lbfgs(search, matcher, prior, clock.part(share))
        yield from search.follow("refining, kinks rounded less and less", narrow)


def sharpening(
    matcher: GradientMatcher,
    roundness: Roundness,
    prior: float,
    clock: Clock,
    start: Tensor,
    *,
    smoothing: float = SMOOTHING,
) -> Iterator[Guess]:
    """Signed Adam while the kinks sharpen from ``WIDEST`` to ``NARROW``.

    Args:
        matcher: on the rounded network.
        roundness: of that network.
        prior: weight of total variation beside the squared distance.
        clock: of this stage.
        start: images ``(B, 1, H, W)``.
        smoothing: weight of total variation beside the cosine distance at the beginning; decayed.
    """

    def measure(candidate: Candidate, share: float) -> Measured:
        roundness.width = WIDEST * (NARROW / WIDEST) ** share
        return by_direction(matcher, candidate, prior, smoothing * half_cosine(share))

    return adam([start], measure, clock, learning_rates=[LEARNING_RATE], signed=True, decayed=True)


def _lbfgs(search: Search, matcher: GradientMatcher, prior: float, clock: Clock) -> Iterator[Guess]:
    start = search.own_best.candidate.images.to(matcher.dtype)
    return by_distance(matcher, prior, clock, [start], worthwhile=WORTHWHILE)
