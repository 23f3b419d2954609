"""The optimisation attack where the masks are not told: slice and mask are searched for together.

A segmentation network's gradient gives the mask away as it gives the slice away: it is linear in
what the network got wrong at every pixel, and that is its output against the mask. So a linear
regression, learned on public slices or on mere drawings, finds roughly where the organ is, and the
search begins there; from an even mask it mostly ends in a wrong pair of slice and mask whose
gradient fits to a thousandth. For batches it begins at the area that the last bias gives away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from workbench.attacks.events import Reconstructing
from workbench.attacks.knowledge import Knowledge
from workbench.attacks.methods.regression import regressed
from workbench.attacks.methods.sketches import sketches
from workbench.attacks.methods.start import starting_images, starting_masks
from workbench.attacks.observation import Observation
from workbench.attacks.search.clock import Clock
from workbench.attacks.search.descent import (
    Candidate,
    Guess,
    Measured,
    adam,
    half_cosine,
    lbfgs,
)
from workbench.attacks.search.matching import GradientMatcher, total_variation
from workbench.attacks.search.search import Attack, Search
from workbench.errors import BadInput

IMAGE_RATE, LOGIT_RATE = 0.1, 0.3
SMOOTHING = 1e-2
TRIALS = 3
TRIAL_SHARE = 0.25
"""Of the time, for each start that is tried until one of them leads somewhere."""

LEARNING_SHARE, DIRECTION_SHARE, ROUNDED_SHARE = 0.2, 0.25, 0.15
"""Of a trial's time: learning where to begin, and the search by direction. Of all the time: one
search for the slice alone with the mask rounded."""

SOLVED = 3e-4
"""Squared distance over squared norm. Wrong pairs of slice and mask are mostly left above it when a
trial ends, right ones below; measured on liver CT."""

DRAWINGS = 200
"""That stand in for public slices where there are none."""

_AREAS = np.geomspace(1e-2, 0.6, 24)
"""Smaller areas than the first are not told apart: the output on a guess is not near enough."""


def joint(
    observation: Observation, knowledge: Knowledge, *, seconds: float, restarts: int, seed: int
) -> Attack:
    """Look for slices and masks behind a gradient.

    A start by regression; signed Adam on the cosine distance with total variation, for images and
    mask logits at once; L-BFGS on the squared distance for both. What stays far from the observed
    gradient is given up for another start, up to ``TRIALS``. In the end the best is refined, now
    and then with its mask rounded, which is kept only where the gradient then fits better.

    Args:
        observation: the gradient of a segmentation network with one logit a pixel.
        knowledge: of network and size. Public slices and masks, where there are some, are where
            the search begins; masks that are told are not looked at.
        seconds: for all attempts together, > 0.
        restarts: attempts; the one with the smallest objective is returned.
        seed: of the starting images.

    Returns:
        By yielding ``Reconstructing`` a few times a second, in the end a ``Reconstruction`` with
        masks.

    Raises:
        BadInput: the gradient is a classifier's, or there is more than one organ.
    """
    _check(observation, knowledge)
    matcher = GradientMatcher(knowledge.network, observation, None)
    search = Search((observation.batch_size, 1, knowledge.size, knowledge.size), seconds)
    for restart in range(restarts):
        clock = Clock(seconds / restarts)
        for trial in range(1 if observation.noise else TRIALS):
            number = restart * TRIALS + trial
            yield from _trial(search, matcher, observation, knowledge, clock, number, seed)
            if search.own_best.objective < SOLVED or clock.over:
                break
        yield from _ending(search, matcher, clock)
        yield search.done()
    return search.result()


def _trial(
    search: Search,
    matcher: GradientMatcher,
    observation: Observation,
    knowledge: Knowledge,
    clock: Clock,
    number: int,
    seed: int,
) -> Iterator[Reconstructing]:
    """From one start as far as a share of the time goes."""
    own = clock.part(TRIAL_SHARE)
    start = _even(matcher, observation, knowledge, number, seed)
    search.begin(start)
    if observation.batch_size == 1:
        pictures, part = _pictures(knowledge, number, seed), own.part(LEARNING_SHARE)
        learned = regressed(matcher, observation, pictures, clock=part, seed=seed)
        starts = [start]
        waiting = _waiting(matcher, starts, learned)
        yield from search.follow("learning where to begin", waiting)
        start = starts[-1]
    by_direction = _adam(matcher, start, own.part(DIRECTION_SHARE))
    yield from search.follow("searching slice and mask", by_direction)
    together = _lbfgs(matcher, search.own_best.candidate, own)
    yield from search.follow("refining slice and mask", together)


def _even(
    matcher: GradientMatcher,
    observation: Observation,
    knowledge: Knowledge,
    restart: int,
    seed: int,
) -> Candidate:
    """Even masks, or the public mean mask, of the area that leaked."""
    images = starting_images(observation, knowledge, None, restart, seed).to(matcher.dtype)
    area = organ_area(matcher, observation, images)
    return Candidate(images, starting_masks(knowledge, area, restart).to(images).expand_as(images))


def _waiting(
    matcher: GradientMatcher, starts: list[Candidate], learned: Iterator[Candidate | None]
) -> Iterator[Guess]:
    """The start as it is, while a better one is learned; that is added to ``starts``."""
    guess = Guess(starts[0], float(matcher.compare(starts[0]).distance))
    for found in learned:
        if found is not None:
            starts.append(found)
        yield guess


def _pictures(knowledge: Knowledge, restart: int, seed: int) -> tuple[Tensor, Tensor]:
    """Public slices and masks; without them, and in every other attempt, drawings."""
    images, masks = knowledge.public, knowledge.public_targets
    if images is None or masks is None or masks.ndim != 4 or restart % 2:
        return sketches(DRAWINGS, knowledge.size, seed + restart)
    return images, masks


def organ_area(matcher: GradientMatcher, observation: Observation, images: Tensor) -> float:
    """The share of the pixels that the organ covers, as the last bias gives it away.

    The bias' gradient is the sum of the loss' derivatives in the logits. For cross-entropy it is
    the mean output p minus the area a; soft Dice adds -2 p (1 - p) a^2 / (p + a)^2 where the output
    is about the same everywhere, as an untrained network's is. Both fall as the area grows. Rather
    than to solve this, the gradients of even masks of many areas are computed on the starting
    images, clipped as the observed one was, and the area is read off between them.

    Args:
        matcher: of the observation.
        observation: of which the last one-dimensional gradient is taken.
        images: to compute the outputs on, ``(B, 1, H, W)``; any will do roughly.

    Returns:
        In (0, 1), the mean over the records.
    """
    gradients = list(observation.gradients.values())
    last = max(i for i, gradient in enumerate(gradients) if gradient.ndim == 1)
    start = images.to(matcher.dtype)
    found = [
        float(matcher.shared(Candidate(start, torch.full_like(start, area)))[last].sum())
        for area in _AREAS
    ]
    wanted = float(gradients[last].sum())
    order = np.argsort(found)
    return float(np.interp(wanted, np.array(found)[order], _AREAS[order]))


def _check(observation: Observation, knowledge: Knowledge) -> None:
    if observation.loss == "classification":
        raise BadInput(
            "A classifier's gradient has no mask behind it; let the attacker infer the label, or "
            "take a segmentation network.",
            field="mask",
        )
    if knowledge.classes != 2:
        raise BadInput(
            f"Unknown masks can be looked for with one organ, not with {knowledge.classes - 1}; "
            "tell the attacker the masks, or take a set with one.",
            field="mask",
        )
    if not any(gradient.ndim == 1 for gradient in observation.gradients.values()):
        raise BadInput(
            "The network has no bias, so the area of the organ cannot be read off its gradient; "
            "tell the attacker the masks.",
            field="model",
        )


def _ending(search: Search, matcher: GradientMatcher, clock: Clock) -> Iterator[Reconstructing]:
    """The best so far, its mask rounded in between to see whether the gradient then fits better."""
    search.own_best = search.best  # of all trials, and the search goes on from there
    for share in (0.1, 0.6, 1.0):
        together = _lbfgs(matcher, search.best.candidate, clock.part(share * (1 - clock.share)))
        yield from search.follow("refining slice and mask", together)
        alone = _images_alone(matcher, _rounded(search.best.candidate), clock.part(ROUNDED_SHARE))
        yield from search.follow("refining, mask rounded", alone)


def _adam(matcher: GradientMatcher, start: Candidate, clock: Clock) -> Iterator[Guess]:
    def measure(candidate: Candidate, share: float) -> Measured:
        compared = matcher.compare(candidate)
        smoothing = SMOOTHING * half_cosine(share) * total_variation(candidate.images)
        return Measured(compared.misdirection + smoothing, float(compared.distance.detach()))

    return adam(
        _searched(start), measure, clock, learning_rates=[IMAGE_RATE, LOGIT_RATE], signed=True,
        decayed=True, render=_rendered,
    )  # fmt: skip


def _lbfgs(matcher: GradientMatcher, start: Candidate, clock: Clock) -> Iterator[Guess]:
    return lbfgs(
        _searched(start), _distance(matcher), clock, worthwhile=_one_in_a_thousand, render=_rendered
    )


def _images_alone(matcher: GradientMatcher, start: Candidate, clock: Clock) -> Iterator[Guess]:
    def rendered(searched: Sequence[Tensor]) -> Candidate:
        return Candidate(searched[0], start.targets)

    return lbfgs(
        [start.images], _distance(matcher), clock, worthwhile=_one_in_a_thousand, render=rendered
    )


def _distance(matcher: GradientMatcher) -> Callable[[Candidate], Measured]:
    def measure(candidate: Candidate) -> Measured:
        distance = matcher.compare(candidate).distance
        return Measured(distance, float(distance.detach()))

    return measure


def _one_in_a_thousand(objective: float) -> float:
    return 0.001 * objective


def _searched(start: Candidate) -> list[Tensor]:
    """Images, and the masks as logits that are not lost in saturation."""
    assert start.targets is not None
    return [start.images, start.targets.clamp(0.01, 0.99).logit()]


def _rendered(searched: Sequence[Tensor]) -> Candidate:
    return Candidate(searched[0], searched[1].sigmoid())


def _rounded(found: Candidate) -> Candidate:
    assert found.targets is not None
    return Candidate(found.images, (found.targets > 0.5).to(found.targets))
