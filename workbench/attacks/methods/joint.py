"""Deep leakage from gradients: images and labels, or masks, searched for together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from torch import Tensor

from workbench.attacks.knowledge import Knowledge
from workbench.attacks.methods.plain import by_squares, normal_noise, plain_lbfgs
from workbench.attacks.observation import Observation
from workbench.attacks.search.clock import Clock
from workbench.attacks.search.descent import Candidate, Guess, Measured
from workbench.attacks.search.matching import GradientMatcher
from workbench.attacks.search.search import Attack, Search
from workbench.errors import BadInput

_TARGETS = 1_000_003
"""Added to the seed for labels and masks, so that they do not begin as the images do."""


def dlg(
    observation: Observation, knowledge: Knowledge, *, seconds: float, restarts: int, seed: int
) -> Attack:
    """Squared distance by L-BFGS over images and soft labels at once (Zhu et al. 2019).

    Labels are logits through a softmax, masks one logit a pixel through a sigmoid, both from normal
    noise as the images are; there is no box. Labels and masks that are told are not looked at.

    Args:
        observation: the gradient and how it was made.
        knowledge: of network, size and number of classes.
        seconds: for all attempts together, > 0.
        restarts: attempts; the one with the smallest objective is returned.
        seed: of the starting images and labels.

    Returns:
        By yielding ``Reconstructing`` a few times a second, in the end a ``Reconstruction``.

    Raises:
        BadInput: the loss is the person's own, or masks have more than two classes.
    """
    _refuse(observation, knowledge)
    batch, size = observation.batch_size, knowledge.size
    shape = (batch, 1, size, size)
    masks = observation.loss == "segmentation"
    search = Search(shape, seconds)
    matcher = GradientMatcher(knowledge.network, observation, None)
    labels = _Labels()
    for restart in range(restarts):
        search.begin()
        images = normal_noise(shape, restart, seed).to(matcher.dtype)
        wanted = shape if masks else (batch, knowledge.classes)
        logits = normal_noise(wanted, restart, seed + _TARGETS).to(matcher.dtype)
        guesses = _attempt(matcher, Clock(seconds / restarts), images, logits, masks)
        yield from search.follow("searching", guesses if masks else labels.kept(guesses))
        yield search.done()
    return search.result(labels=None if masks else labels.best)


class _Labels:
    """Soft labels are no pictures: they are taken off the guesses, those of the best one kept."""

    def __init__(self) -> None:
        self.best: Tensor | None = None
        self._objective = np.inf

    def kept(self, guesses: Iterator[Guess]) -> Iterator[Guess]:
        for guess in guesses:
            soft = guess.candidate.targets
            assert soft is not None
            if self.best is None or guess.objective < self._objective:
                self.best, self._objective = soft.argmax(dim=1), guess.objective
            yield Guess(Candidate(guess.candidate.images), guess.objective)


def _attempt(
    matcher: GradientMatcher, clock: Clock, images: Tensor, logits: Tensor, masks: bool
) -> Iterator[Guess]:
    def render(searched: Sequence[Tensor]) -> Candidate:
        soft = searched[1].sigmoid() if masks else searched[1].softmax(dim=1)
        return Candidate(searched[0], soft)

    def measure(candidate: Candidate) -> Measured:
        return by_squares(matcher, candidate)

    return plain_lbfgs([images, logits], measure, clock, render=render)


def _refuse(observation: Observation, knowledge: Knowledge) -> None:
    if callable(observation.loss):
        raise BadInput(
            "DLG looks for labels or masks and cannot know what your own loss takes for them; "
            "take the lbfgs attack, which is told.",
            field="attack",
        )
    if observation.loss == "segmentation" and knowledge.classes > 2:
        raise BadInput(
            f"DLG looks for masks of two classes, background included, not of "
            f"{knowledge.classes}; take the lbfgs attack, which is told the masks.",
            field="attack",
        )
