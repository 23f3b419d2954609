"""The optimisation attack: search for an image that would have shared the observed gradient.

First signed Adam on the cosine distance with total variation, then L-BFGS on the squared distance.
The cosine finds the way from grey, the squared distance the last digits. Where noise was added,
total variation stays on as the prior of a maximum a-posteriori estimate, so that its weight follows
from the noise that the attacker knows of and from nothing that has to be tuned.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from workbench.attacks.clock import Clock
from workbench.attacks.descent import Guess, Measured, adam, half_cosine, lbfgs
from workbench.attacks.events import Reconstructing, Reconstruction
from workbench.attacks.knowledge import Knowledge
from workbench.attacks.labels import infer_label
from workbench.attacks.matching import GradientMatcher, total_variation
from workbench.attacks.observation import Observation
from workbench.errors import BadInput

GREY, GREY_SPREAD = 0.3, 0.02
LEARNING_RATE, KINKED_LEARNING_RATE = 0.1, 0.05
SMOOTHING = 1e-2
KINKED_SMOOTHING = 0.03
TYPICAL_STEP = 0.2
"""Mean difference between neighbouring pixels of a CT slice shown in [0, 1]; public knowledge."""

COARSE_FROM = 96
"""Side in pixels from which on half the resolution is searched first."""

COARSE_SHARE, FINE_SHARE = 0.08, 0.1
_FRAME_SECONDS = 0.15

Attack = Generator[Reconstructing, None, Reconstruction]


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
    search = _Search(observation, knowledge, seconds)
    for restart in range(restarts):
        yield from search.attempt(restart, seed, seconds / restarts)
    return search.result()


class _Search:
    """The mutable parts of one attack: the best guess so far, and when it was shown."""

    def __init__(self, observation: Observation, knowledge: Knowledge, seconds: float) -> None:
        self._observation, self._knowledge = observation, knowledge
        self._targets = _targets(observation, knowledge)
        self._shape = (observation.batch_size, 1, knowledge.size, knowledge.size)
        self._clock = Clock(seconds)
        self._best = Guess(torch.full(self._shape, GREY), math.inf)
        self._history: list[tuple[float, float]] = []
        self._shown_at = -math.inf
        self._prior = prior_weight(observation, math.prod(self._shape))

    def attempt(self, restart: int, seed: int, seconds: float) -> Iterator[Reconstructing]:
        clock = Clock(seconds)
        self._own_best = Guess(torch.full(self._shape, GREY), math.inf)
        for name, guesses in self._stages(clock, _grey(self._shape, restart, seed)):
            for guess in guesses():
                self._keep(guess)
                if self._clock.elapsed - self._shown_at >= _FRAME_SECONDS:
                    yield self._frame(name, guess, restart)
        yield self._frame("done", self._own_best, restart)

    def result(self) -> Reconstruction:
        labels = None if self._observation.loss == "segmentation" else self._targets.numpy()
        return Reconstruction(
            images=_picture(self._best.images),
            labels=labels,
            objective=self._best.objective,
            objective_history=np.array(self._history, dtype=np.float64).reshape(-1, 2),
            seconds=self._clock.elapsed,
        )

    def _stages(
        self, clock: Clock, start: Tensor
    ) -> Iterator[tuple[str, Callable[[], Iterator[Guess]]]]:
        """Names and searches in order, each from the best guess of those before it."""
        matcher = GradientMatcher(self._knowledge.network, self._observation, self._targets)
        if not matcher.smooth:
            yield "searching (network with kinks)", partial(self._kinked, matcher, clock, start)
            return
        if self._knowledge.size >= COARSE_FROM:
            small = F.avg_pool2d(start, 2)
            yield (
                "searching at half resolution",
                partial(
                    self._adam,
                    matcher,
                    clock.part(COARSE_SHARE),
                    small,
                    signed=False,
                    grow=_doubled,
                ),
            )
            start = self._own_best.images
        yield "searching", partial(self._adam, matcher, clock.part(FINE_SHARE), start, signed=True)
        yield "refining", partial(self._lbfgs, matcher, clock)
        if not self._prior:
            exact = GradientMatcher(
                self._knowledge.network, self._observation, self._targets, torch.float64
            )
            yield "refining in double precision", partial(self._lbfgs, exact, clock)

    def _adam(
        self,
        matcher: GradientMatcher,
        clock: Clock,
        start: Tensor,
        *,
        signed: bool,
        grow: Callable[[Tensor], Tensor] = lambda images: images,
    ) -> Iterator[Guess]:
        def measure(images: Tensor, share: float) -> Measured:
            return self._by_direction(matcher, images, SMOOTHING * half_cosine(share))

        return adam(
            start, measure, clock, learning_rate=LEARNING_RATE, signed=signed, decayed=True,
            grow=grow,
        )  # fmt: skip

    def _kinked(self, matcher: GradientMatcher, clock: Clock, start: Tensor) -> Iterator[Guess]:
        def measure(images: Tensor, share: float) -> Measured:
            del share
            return self._by_direction(matcher, images, KINKED_SMOOTHING)

        return adam(
            start, measure, clock, learning_rate=KINKED_LEARNING_RATE, signed=False, decayed=False
        )

    def _lbfgs(self, matcher: GradientMatcher, clock: Clock) -> Iterator[Guess]:
        def measure(images: Tensor) -> Measured:
            wanted = matcher.compare(images).distance
            if self._prior:
                wanted = wanted + self._prior * total_variation(images)
            return Measured(wanted, float(wanted.detach()))

        start = self._own_best.images.to(matcher.dtype)
        return lbfgs(start, measure, clock, worthwhile=self._worthwhile)

    def _worthwhile(self, objective: float) -> float:
        """One part in a hundred; of a posterior, one unit of its exponent."""
        if not self._prior:
            return 0.01 * objective
        return 2 * (self._observation.noise / self._observation.norm) ** 2

    def _by_direction(self, matcher: GradientMatcher, images: Tensor, smoothing: float) -> Measured:
        compared = matcher.compare(images)
        roughness = total_variation(images)
        weight = max(smoothing, self._prior * self._observation.norm / (2 * self._signal))
        objective = compared.distance.detach() + self._prior * roughness.detach()
        return Measured(compared.misdirection + weight * roughness, float(objective))

    @property
    def _signal(self) -> float:
        """The norm that the gradient has without noise, as far as the attacker can tell."""
        clipping, norm = self._observation.clipping, self._observation.norm
        return norm if clipping is None else min(clipping, norm)

    def _keep(self, guess: Guess) -> None:
        self._history.append((self._clock.elapsed, guess.objective))
        if guess.objective < self._own_best.objective:
            self._own_best = guess
        if guess.objective < self._best.objective:
            self._best = guess

    def _frame(self, stage: str, guess: Guess, restart: int) -> Reconstructing:
        self._shown_at = self._clock.elapsed
        return Reconstructing(
            seconds=self._clock.elapsed,
            budget=self._clock.budget,
            stage=stage,
            objective=guess.objective,
            image=_picture(guess.images),
            restart=restart,
        )


def prior_weight(observation: Observation, pixels: int) -> float:
    """Weight of total variation (mean over pixels) beside the squared distance.

    The posterior of an image is exp(-|gap|^2 / 2 s^2 - sum |step| / b), with noise of standard
    deviation s in every coordinate and Laplacian steps between pixels of mean size b. Times
    2 s^2 / |observed|^2 its exponent is the distance plus this weight times the mean step.
    """
    if not observation.noise:
        return 0.0
    return 2 * observation.noise**2 * pixels / (TYPICAL_STEP * observation.norm**2)


def _targets(observation: Observation, knowledge: Knowledge) -> Tensor:
    if knowledge.targets is not None:
        return knowledge.targets
    if observation.loss == "classification" and observation.batch_size == 1:
        return torch.tensor([infer_label(observation)])
    what = "masks" if observation.loss == "segmentation" else "labels of several slices"
    raise BadInput(f"The two-stage attack must know the {what}; tell it.", field="mask")


def _grey(shape: tuple[int, ...], restart: int, seed: int) -> Tensor:
    noise = np.random.default_rng((seed, restart)).standard_normal(shape)
    return torch.from_numpy(GREY + GREY_SPREAD * noise).float()


def _doubled(images: Tensor) -> Tensor:
    return F.interpolate(images, scale_factor=2, mode="bilinear", align_corners=False)


def _picture(images: Tensor) -> np.ndarray:
    picture: np.ndarray = images[:, 0].float().clamp(0, 1).nan_to_num().numpy()
    return picture
