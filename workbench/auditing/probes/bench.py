"""Short exams for probes: few records, no noise, one step, every gradient kept."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd

from workbench.auditing.exam import PULL, Exam, Records, Training, public_divisor
from workbench.models.losses import Task

KEPT = 32
"""Natural records that are in every exam: as many whole units as reach this number."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Bench:
    """What short exams are made of.

    Attributes:
        natural: natural records of two units or more, unit after unit; the first 32 and a few
            more are used.
        network: what is trained; every exam gets a copy of its own.
        task: what its outputs are compared with.
        max_grad_norm: > 0.
        options: other arguments of :class:`Exam`: physical batch, optimizer, learning rate.
    """

    natural: Records
    network: nn.Module
    task: Task
    max_grad_norm: float
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def kept(self) -> Records:
        """The natural records of every exam."""
        return chosen(self.natural, self.natural.units <= self._last)

    @property
    def others(self) -> tuple[Records, ...]:
        """The natural units that come and go: the next three, or fewer where there are fewer."""
        first, units = self._last + 1, self.natural.units
        numbers = range(first, min(first + 3, self.natural.unit_count))
        return tuple(chosen(self.natural, units == number) for number in numbers)

    @property
    def _last(self) -> int:
        units = self.natural.units
        return int(min(units[min(KEPT, len(units)) - 1], units[-1] - 1))

    def exam(
        self,
        records: Records,
        *,
        coordinates: int = 2,
        noise_multiplier: float = 0.0,
        sample_rate: float = 1.0,
        steps: int = 1,
        whole: bool = True,
    ) -> Exam:
        """A sitting with these records; if not told otherwise all in one step without noise.

        How many units there are is public, so the sum is divided by what is expected of them.
        """
        return Exam(
            records=records,
            network=_without_chance(self.network),
            coordinates=coordinates,
            task=self.task,
            sample_rate=sample_rate,
            noise_multiplier=noise_multiplier,
            max_grad_norm=self.max_grad_norm,
            steps=steps,
            expected_units=public_divisor(sample_rate, records.unit_count),
            whole=whole,
            **self.options,
        )

    def first_sum(self, training: Training, records: Records) -> dict[str, Tensor]:
        """Let a training sit an exam with these records, all in one step without noise.

        Returns:
            The first released sum over the clipping norm, float64, by the parameter's name.
        """
        exam = self.exam(records)
        training(exam)
        scale = exam.expected_units / exam.max_grad_norm
        return {name: gradient.double() * scale for name, gradient in exam.released[0].items()}


def chosen(records: Records, which: np.ndarray) -> Records:
    """Some of the records, their units numbered anew, their pictures in row-major layout.

    Args:
        records: of which.
        which: bool ``(N,)``.
    """
    places = torch.from_numpy(np.flatnonzero(which))
    return Records(
        images=records.images[places].clone(memory_format=torch.contiguous_format),
        targets=records.targets[places],
        coordinates=records.coordinates[places],
        units=np.unique(records.units[which], return_inverse=True)[1],
        pulls=records.pulls[places],
    )


def together(records: Records, more: Records) -> Records:
    """Two sets as one; their units stay apart."""
    return Records(
        images=torch.cat([records.images, more.images]),
        targets=torch.cat([records.targets, more.targets]),
        coordinates=torch.cat([records.coordinates, more.coordinates]),
        units=np.concatenate([records.units, more.units + records.unit_count]),
        pulls=torch.cat([records.pulls, more.pulls]),
    )


def canary(like: Records, pull: float) -> Records:
    """One unit of canaries, all on coordinate 1.

    Args:
        like: a natural unit, which tells shapes and how many records there are.
        pull: what a canary's usual pull is multiplied by; a negative one pulls back.
    """
    return replace(
        like,
        images=torch.zeros_like(like.images),
        targets=torch.zeros_like(like.targets),
        coordinates=torch.ones_like(like.coordinates),
        pulls=torch.full_like(like.pulls, PULL * pull),
    )


def scaled(records: Records, factor: float) -> Records:
    """The same records with their losses multiplied."""
    return replace(records, pulls=records.pulls * factor)


def channels_last(records: Records) -> Records:
    """The same records, their pictures laid out as many loaders hand them out."""
    images = records.images
    _, channels, rows, columns = images.shape
    strides = (channels * rows * columns, 1, channels * columns, channels)
    laid = torch.empty_strided(images.shape, strides, dtype=images.dtype)
    return replace(records, images=laid.copy_(images))


def in_words(error: Exception) -> str:
    """What a training says that refuses an exam, its first sentence without the full stop."""
    words = " ".join(str(error).split()) or type(error).__name__
    return words.split(". ")[0].rstrip(".;")


def _without_chance(network: nn.Module) -> nn.Module:
    """A copy without dropout, so that nothing but the records makes a difference."""
    fresh = copy.deepcopy(network)
    for layer in fresh.modules():
        if isinstance(layer, _DropoutNd):
            layer.p = 0.0
    return fresh
