"""A gradient engine with its inside turned out, so that one habit at a time can be a bad one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from opacus.grad_sample import GradSampleModule
from torch import Tensor

from workbench.auditing.exam import Exam
from workbench.auditing.trainings.quiet import quiet
from workbench.auditing.trainings.reference import MakeEngine
from workbench.dpsgd.gradients import LayerNote
from workbench.dpsgd.randomness import RandomStream


@dataclass(frozen=True, kw_only=True, eq=False)
class Setting:
    """What a habit may look at.

    Attributes:
        exam: clipping norm, noise multiplier and expected units.
        noise: where noise comes from.
        drawn: units in this step so far.
    """

    exam: Exam
    noise: RandomStream
    drawn: int

    def normal(self, like: list[Tensor], std: float) -> list[Tensor]:
        """Noise of this standard deviation in the shapes of some tensors."""
        values = torch.from_numpy(self.noise.normal(sum(t.numel() for t in like)) * std).float()
        parts = values.split([t.numel() for t in like])
        return [part.view(t.shape) for part, t in zip(parts, like, strict=True)]


Clip = Callable[[list[Tensor], Setting], list[Tensor]]
"""From gradients of a chunk's units, ``(U, ...)`` for each parameter, to their sum ``(...)``."""

Finish = Callable[[list[Tensor], Setting], list[Tensor]]
"""From the sum over a draw, ``(...)`` for each parameter, to what is released."""


def clip_units(gradients: list[Tensor], setting: Setting) -> list[Tensor]:
    """As it should be: each unit's whole gradient to the norm; what is not finite counts as 0."""
    units = len(gradients[0])
    finite = torch.stack([g.reshape(units, -1).isfinite().all(dim=1) for g in gradients]).all(dim=0)
    clean = [torch.where(finite.view(-1, *[1] * (g.ndim - 1)), g, 0.0) for g in gradients]
    norms = torch.stack([g.reshape(units, -1).norm(dim=1) for g in clean]).norm(dim=0)
    return weighted(clean, (setting.exam.max_grad_norm / norms.clamp(min=1e-12)).clamp(max=1.0))


def noisy_mean(sums: list[Tensor], setting: Setting) -> list[Tensor]:
    """As it should be: noise of the stated size, and the public number underneath."""
    exam = setting.exam
    noise = setting.normal(sums, exam.noise_multiplier * exam.max_grad_norm)
    return [(s + n) / exam.expected_units for s, n in zip(sums, noise, strict=True)]


def weighted(gradients: list[Tensor], weights: Tensor) -> list[Tensor]:
    """Sums over units, each with its weight ``(U,)``."""
    return [torch.tensordot(weights, g, dims=1) for g in gradients]


def by_hand(*, clip: Clip = clip_units, finish: Finish = noisy_mean) -> MakeEngine:
    """An engine of these habits; those that stand here by default are correct."""

    def make(exam: Exam, noise: RandomStream) -> OpenEngine:
        return OpenEngine(exam, noise, clip, finish)

    return make


class OpenEngine:
    """Per-record gradients by Opacus' hooks; everything after them is somebody's habit.

    Args:
        exam: what is trained and how.
        noise: where noise comes from.
        clip: from units' gradients to a sum.
        finish: from the sum to what is released.
    """

    def __init__(self, exam: Exam, noise: RandomStream, clip: Clip, finish: Finish) -> None:
        # Not strict: some of the bugs are networks that Opacus would refuse.
        self.model = GradSampleModule(exam.model, loss_reduction="sum", strict=False)
        self._exam, self._noise = exam, noise
        self._clip, self._finish = clip, finish
        self._parameters: list[Any] = [p for p in exam.model.parameters() if p.requires_grad]
        self._begin()

    def accumulate(self, losses: Tensor, unit_of_record: np.ndarray) -> None:
        """Add the records of one chunk."""
        if not len(losses):
            return
        with quiet():
            losses.sum().backward()
        gradients = [_means(p.grad_sample, unit_of_record) for p in self._parameters]
        for parameter in self._parameters:
            parameter.grad_sample = parameter.grad = None
        self._drawn += len(gradients[0])
        for total, part in zip(self._sums, self._clip(gradients, self._setting()), strict=True):
            total += part

    def release(self) -> None:
        """Write what is released into ``parameter.grad``."""
        released = self._finish(self._sums, self._setting())
        for parameter, gradient in zip(self._parameters, released, strict=True):
            parameter.grad = gradient
        self._begin()

    def describe(self) -> list[LayerNote]:
        return []

    def detach(self) -> None:
        self.model.to_standard_module()

    def _begin(self) -> None:
        self._sums = [torch.zeros_like(p, requires_grad=False) for p in self._parameters]
        self._drawn = 0

    def _setting(self) -> Setting:
        return Setting(exam=self._exam, noise=self._noise, drawn=self._drawn)


def _means(gradients: Tensor, unit_of_record: np.ndarray) -> Tensor:
    """Of the gradients of records ``(B, ...)``, the mean for each unit."""
    _, places, counts = np.unique(unit_of_record, return_inverse=True, return_counts=True)
    sums = gradients.new_zeros((len(counts), *gradients.shape[1:]))
    sums.index_add_(0, torch.from_numpy(places), gradients)
    return sums / torch.from_numpy(counts).view(-1, *[1] * (gradients.ndim - 1))
