"""Sums whose dependence on one unit is not what the noise was chosen for."""

from __future__ import annotations

import torch
from torch import Tensor

from workbench.auditing.exam import Training
from workbench.auditing.trainings.reference import Parts, reference
from workbench.auditing.zoo.open_engine import (
    Clip,
    Finish,
    Setting,
    by_hand,
    clip_units,
    noisy_mean,
    weighted,
)


def batch_mean() -> Training:
    """One clip of the batch's mean."""
    return _with(clip=_unclipped, finish=_clip_mean)


def batch_sum() -> Training:
    """One clip of the batch's sum."""
    return _with(clip=_unclipped, finish=_clip_sum)


def per_layer() -> Training:
    """One clip per parameter, each to the whole norm."""
    return _with(clip=_clip_each)


def nan_passes() -> Training:
    """A clip that lets NaN through."""
    return _with(clip=_clip_unlooked)


def drawn_batch() -> Training:
    """The noisy sum over the number of units drawn."""
    return _with(finish=_over_drawn)


def _with(*, clip: Clip = clip_units, finish: Finish = noisy_mean) -> Training:
    return reference(Parts(engine=by_hand(clip=clip, finish=finish)))


def _unclipped(gradients: list[Tensor], setting: Setting) -> list[Tensor]:
    return weighted(gradients, torch.ones(len(gradients[0])))


def _clip_mean(sums: list[Tensor], setting: Setting) -> list[Tensor]:
    """``clip_grad_norm_`` on the batch's mean gradient, and noise as if units had been clipped."""
    exam = setting.exam
    means = _clipped([s / max(setting.drawn, 1) for s in sums], exam.max_grad_norm)
    noise = setting.normal(sums, exam.noise_multiplier * exam.max_grad_norm / exam.expected_units)
    return [m + n for m, n in zip(means, noise, strict=True)]


def _clip_sum(sums: list[Tensor], setting: Setting) -> list[Tensor]:
    return noisy_mean(_clipped(sums, setting.exam.max_grad_norm), setting)


def _clip_each(gradients: list[Tensor], setting: Setting) -> list[Tensor]:
    """Every parameter's gradient to the norm that the whole was to have."""
    return [clip_units([gradient], setting)[0] for gradient in gradients]


def _clip_unlooked(gradients: list[Tensor], setting: Setting) -> list[Tensor]:
    """The clip without a look at whether there is a number to clip: NaN over NaN is NaN."""
    norms = torch.stack([g.flatten(1).norm(dim=1) for g in gradients]).norm(dim=0)
    return weighted(gradients, (setting.exam.max_grad_norm / norms).clamp(max=1.0))


def _over_drawn(sums: list[Tensor], setting: Setting) -> list[Tensor]:
    expected = setting.exam.expected_units
    return [g * (expected / max(setting.drawn, 1)) for g in noisy_mean(sums, setting)]


def _clipped(tensors: list[Tensor], limit: float) -> list[Tensor]:
    norm = torch.stack([t.norm() for t in tensors]).norm()
    return [t * (limit / norm.clamp(min=limit)) for t in tensors]
