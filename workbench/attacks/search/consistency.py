"""Which gradients a site may have had, given what it shared after a defence."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from workbench.attacks.observation import Observation

Nearest = Callable[[Tensor], Tensor]
"""From a gradient ``(P,)`` to the nearest one that would have been shared as the observed one."""


def comparable(observation: Observation) -> Callable[[Tensor], Tensor]:
    """What is done to a gradient ``(P,)`` before it is compared.

    Signs tell nothing of sizes, and small layers have as many as large ones; so that they count
    alike, every tensor is scaled to a root mean square of 1. Other gradients stay as they are.
    """
    if observation.defence is None or observation.defence.kind != "sign" or observation.sites > 1:
        return lambda gradient: gradient
    sizes = [gradient.numel() for gradient in observation.gradients.values()]
    return lambda gradient: torch.cat([_even(part) for part in gradient.split(sizes)])


def _even(part: Tensor) -> Tensor:
    return part * (part.numel() ** 0.5 / part.norm().clamp(min=1e-30))


def nearest_consistent(observation: Observation, dtype: torch.dtype) -> Nearest:
    """What an attacker who knows the defence compares a gradient with.

    Of a pruned gradient the values that were kept are known, of the others only that they are
    no larger than the smallest of these. Of a rounded one the interval is known that each value
    came from, of signs the half line. A sum over several sites, each of which did this by itself,
    is taken as it is.

    Args:
        observation: what was shared, and under which defence.
        dtype: of the gradients.
    """
    observed = flat(observation.gradients.values(), dtype)
    defence = observation.defence
    if defence is None or observation.sites > 1:
        return lambda gradient: observed
    if defence.kind == "sign":
        return lambda gradient: torch.where(gradient * observed > 0, gradient, 0.0)
    if defence.kind == "prune":
        kept = observed != 0
        bound = float(observed[kept].abs().min()) if kept.any() else 0.0
        return lambda gradient: torch.where(kept, observed, gradient.clamp(-bound, bound))
    half = flat(_half_bins(observation), dtype)
    low, high = observed - half, observed + half
    return lambda gradient: torch.minimum(torch.maximum(gradient, low), high)


def flat(tensors: Iterable[Tensor], dtype: torch.dtype) -> Tensor:
    """All values in one vector ``(P,)``."""
    return torch.cat([tensor.detach().flatten().to(dtype) for tensor in tensors])


def _half_bins(observation: Observation) -> list[Tensor]:
    """Half the distance between the values that each tensor was rounded to, everywhere in it."""
    assert observation.defence is not None
    levels = 2 ** int(observation.defence.amount) - 1
    return [
        torch.full_like(gradient, float(gradient.max() - gradient.min()) / levels / 2)
        for gradient in observation.gradients.values()
    ]
