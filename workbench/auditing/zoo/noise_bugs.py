"""Noise that is too small, added in the wrong place, or no secret."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
from torch import Tensor

from workbench.auditing.exam import Exam, Training
from workbench.auditing.trainings.reference import MakeEngine, Parts, engine_named, reference
from workbench.auditing.zoo.open_engine import Setting, by_hand, clip_units
from workbench.dpsgd.engines import make_engine
from workbench.dpsgd.gradients import GradientEngine
from workbench.dpsgd.randomness import RandomStream, SeededStream

_PUBLISHED = 42
"""The seed in the first cell of many a notebook."""


def five_percent_low() -> Training:
    """Noise of 0.95 times the standard deviation."""
    return reference(Parts(engine=_quieter(lambda exam: 0.95)))


def twenty_percent_low() -> Training:
    """Noise of 0.8 times the standard deviation."""
    return reference(Parts(engine=_quieter(lambda exam: 0.8)))


def over_batch() -> Training:
    """Noise divided by the batch size, on a sum that is divided by it once more."""
    return reference(Parts(engine=_quieter(lambda exam: 1 / exam.expected_units)))


def before_clipping() -> Training:
    """Noise on every unit's gradient, and the clip after it."""
    return reference(Parts(engine=by_hand(clip=_clip_noisy, finish=_mean)))


def same_every_step() -> Training:
    """One noise for all steps."""
    return reference(Parts(engine=by_hand(), noise=_Repeating))


def seed_published() -> Training:
    """Noise that everybody can draw again."""
    return reference(
        Parts(engine=engine_named("bookkeeping"), noise=lambda: SeededStream(_PUBLISHED))
    )


def _quieter(factor: Callable[[Exam], float]) -> MakeEngine:
    def make(exam: Exam, noise: RandomStream) -> GradientEngine:
        return make_engine(
            "bookkeeping",
            exam.model,
            max_grad_norm=exam.max_grad_norm,
            noise_multiplier=exam.noise_multiplier * factor(exam),
            expected_units=exam.expected_units,
            stream=noise,
        )

    return make


def _clip_noisy(gradients: list[Tensor], setting: Setting) -> list[Tensor]:
    """Noise onto every unit's gradient, then the clip, which takes nearly all of it off again."""
    noise = setting.normal(gradients, setting.exam.noise_multiplier * setting.exam.max_grad_norm)
    return clip_units([g + n for g, n in zip(gradients, noise, strict=True)], setting)


def _mean(sums: list[Tensor], setting: Setting) -> list[Tensor]:
    return [s / setting.exam.expected_units for s in sums]


class _Repeating:
    """A generator that is made anew from the same seed whenever noise is wanted."""

    def __init__(self) -> None:
        self._seed = int.from_bytes(os.urandom(8))

    def uniform(self, count: int) -> np.ndarray:
        return SeededStream(self._seed).uniform(count)

    def normal(self, count: int) -> np.ndarray:
        return SeededStream(self._seed).normal(count)

    def state(self) -> None:
        return None
