"""The attack with a learned prior: what slices look like takes the place of total variation.

Bounds for attackers without a bias, such as Cramer and Rao's, do not cover this attacker: where a
gradient tells little, the prior fills in. What it returns on a gradient without any record in it is
therefore a picture, and that picture is the prior's own and no leakage. Only what the attack finds
beyond it, on the record's gradient, has leaked.

On liver CT (64 pixels, noise multipliers of 0.001 and 0.01, 12 seconds) a denoiser that is trained
within the attack's time stays one to three dB behind ``noisy``, whose prior is total variation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from workbench.attacks.events import Reconstructing
from workbench.attacks.knowledge import Knowledge
from workbench.attacks.labels import targets_for
from workbench.attacks.methods.start import starting_images
from workbench.attacks.observation import Observation
from workbench.attacks.priors.denoiser import Denoiser, lessons
from workbench.attacks.search.clock import Clock
from workbench.attacks.search.descent import Candidate, Guess, Measured, adam, lbfgs
from workbench.attacks.search.matching import GradientMatcher
from workbench.attacks.search.search import Attack, Search
from workbench.errors import BadInput

TRAINING_SHARE = 1 / 3
ANNEALING_SHARE = 0.75
DESCENT_SHARE = 0.6
"""Of an attempt's time, where the gradient has no noise and L-BFGS ends the search."""

COARSE, FINE = 0.3, 0.05
"""Strength of the noise that the prior takes off images, at the beginning and from the end of the
annealing on."""

LEARNING_RATE = 0.03
ASSUMED_NOISE = 1e-3
"""Of a gradient without noise, relative to its norm: what the prior is weighed against."""


def learned_prior(
    observation: Observation, knowledge: Knowledge, *, seconds: float, restarts: int, seed: int
) -> Attack:
    """Look for the images behind a gradient, with a denoiser as the prior.

    The denoiser D is trained on the public slices, in at most a third of the time, or taken from
    an earlier attack with the same slices. The search goes down on |gap|^2 / 2 s^2 plus a prior
    whose gradient is (x - D(x)) / t^2, with s the noise of the gradient in every coordinate: this
    is how the log-density of images with noise t falls (Tweedie's formula; regularisation by
    denoising, Romano et al. 2017), so its weight is not to be tuned. t falls as the search
    goes on. Where the gradient has no noise, L-BFGS without any prior ends the search.

    Args:
        observation: the gradient and how it was made.
        knowledge: of network, size, masks or labels, and public slices.
        seconds: for training and all attempts together, > 0.
        restarts: attempts; the one with the smallest objective is returned.
        seed: of the denoiser and the starting images.

    Returns:
        By yielding ``Reconstructing`` a few times a second, in the end a ``Reconstruction``.

    Raises:
        BadInput: there are no public slices, they are not of this size, or masks or labels are
            needed and not known.
    """
    public = _public(knowledge)
    targets = targets_for(observation, knowledge)
    matcher = GradientMatcher(knowledge.network, observation, targets)
    search = Search((observation.batch_size, 1, knowledge.size, knowledge.size), seconds)
    prior: Prior | None = None
    for restart in range(restarts):
        start = starting_images(observation, knowledge, targets, restart, seed).to(matcher.dtype)
        search.begin(Candidate(start))
        if prior is None:
            learned: list[Denoiser] = []
            learning = _learning(learned, matcher, public, start, search.clock, seed)
            yield from search.follow("learning what slices look like", learning, compared=False)
            prior = Prior(learned[-1], weight_of(observation, matcher.norm))
        remaining = (seconds - search.clock.elapsed) / (restarts - restart)
        yield from _attempt(search, matcher, prior, start, Clock(max(remaining, 1e-9)))
        yield search.done()
    return search.result(labels=targets if targets.ndim == 1 else None)


class Prior(NamedTuple):
    """What slices look like, and how much it counts.

    Attributes:
        denoiser: trained.
        weight: 2 s^2 / |observed|^2, of the prior's exponent beside the relative distance.
    """

    denoiser: Denoiser
    weight: float

    def away(self, images: Tensor, strength: float) -> Tensor:
        """(x - D(x)) / t for the noise strength t; no gradient goes through it."""
        with torch.no_grad():
            seen = images.detach().float()
            cleaned = self.denoiser(seen, torch.full((len(seen),), strength))
            found: Tensor = ((seen - cleaned) / strength).to(images.dtype)
        return found


def weight_of(observation: Observation, norm: float) -> float:
    """2 s^2 / |observed|^2, with s the noise in every coordinate, or one that is assumed."""
    if observation.noise:
        return 2 * observation.noise**2 / norm**2
    size = sum(gradient.numel() for gradient in observation.gradients.values())
    return 2 * ASSUMED_NOISE**2 / size


def strength_at(share: float) -> float:
    """t, falling from ``COARSE`` to ``FINE`` by equal factors, then constant."""
    return float(COARSE * (FINE / COARSE) ** min(share / ANNEALING_SHARE, 1.0))


def _public(knowledge: Knowledge) -> Tensor:
    public = knowledge.public
    if public is None or not len(public):
        raise BadInput(
            "The learned prior learns from slices of other people, and there are none; "
            "let the attacker hold others' slices or phantoms.",
            field="public",
        )
    if tuple(public.shape[1:]) != (1, knowledge.size, knowledge.size):
        raise BadInput(
            f"The public slices have shape {tuple(public.shape)}, but the network takes "
            f"(N, 1, {knowledge.size}, {knowledge.size}); resize them.",
            field="public",
        )
    return public.float()


def _learning(
    learned: list[Denoiser],
    matcher: GradientMatcher,
    public: Tensor,
    start: Tensor,
    clock: Clock,
    seed: int,
) -> Iterator[Guess]:
    """Trains; the guess stays the start meanwhile. The denoiser is added to ``learned``."""
    objective = float(matcher.compare(Candidate(start)).distance)
    for denoiser in lessons(public, clock=clock.part(TRAINING_SHARE), seed=seed):
        learned.append(denoiser)
        yield Guess(Candidate(start), objective)


def _attempt(
    search: Search, matcher: GradientMatcher, prior: Prior, start: Tensor, clock: Clock
) -> Iterator[Reconstructing]:
    noisy = matcher.relative_noise > 0
    stage = clock.part(1.0 if noisy else DESCENT_SHARE)
    yield from search.follow("searching with the prior", _adam(matcher, prior, start, stage))
    if not noisy:
        search.forget()
        exact = _lbfgs(matcher, search.own_best.candidate.images, clock)
        yield from search.follow("refining without the prior", exact)


def _adam(matcher: GradientMatcher, prior: Prior, start: Tensor, clock: Clock) -> Iterator[Guess]:
    def measure(candidate: Candidate, share: float) -> Measured:
        images, strength = candidate.images, strength_at(share)
        pull = prior.away(images, strength) / strength
        distance = matcher.compare(candidate).distance
        # The product has the pull as its gradient, which is all that a denoiser says of a density.
        descended = distance + prior.weight * (images * pull).sum()
        unlikely = (prior.away(images, FINE) ** 2).sum() / 2
        objective = distance.detach() + prior.weight * unlikely
        return Measured(descended, float(objective))

    return adam([start], measure, clock, learning_rates=[LEARNING_RATE], signed=False, decayed=True)


def _lbfgs(matcher: GradientMatcher, start: Tensor, clock: Clock) -> Iterator[Guess]:
    def measure(candidate: Candidate) -> Measured:
        distance = matcher.compare(candidate).distance
        return Measured(distance, float(distance.detach()))

    return lbfgs([start], measure, clock, worthwhile=lambda objective: 0.01 * objective)
