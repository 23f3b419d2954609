"""Slices of other people that an attacker holds."""

from __future__ import annotations

from collections.abc import Generator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from workbench.attacks.case import Case, targets_of
from workbench.attacks.config import AttackConfig
from workbench.errors import BadInput
from workbench.imaging.loading import loading
from workbench.imaging.sliceset import SliceSet
from workbench.runs.events import Progress

MOST = 256
"""Slices that an attacker holds at most."""

PHANTOMS = "phantom-liver:patients=32,slices=4,seed=20261"
"""People whom no built-in set draws, so that nobody is attacked with pictures of himself."""


class Public(NamedTuple):
    """What is public.

    Attributes:
        images: float32 ``(N, 1, H, W)`` in [0, 1], N at most ``MOST``.
        targets: masks ``(N, 1, H, W)`` or labels ``(N,)`` that mean the same as those of the
            attacked slices; ``None`` where there are none.
    """

    images: Tensor
    targets: Tensor | None


def held(config: AttackConfig, case: Case) -> Generator[Progress, None, Public | None]:
    """What the attacker of this config holds of other people, with progress where it is drawn.

    Returns:
        ``None`` for an attacker who holds nothing.

    Raises:
        BadInput: the set has no other patients.
    """
    if config.public == "others":
        return _others(case)
    if config.public == "phantoms":
        return (yield from drawn(case))
    return None


def drawn(case: Case) -> Generator[Progress, None, Public]:
    """Phantoms of the size of the case; masks only where they can mean the same."""
    people = yield from loading(PHANTOMS, size=case.slices.width)
    images = torch.from_numpy(people.images)
    if case.task == "classification" or case.classes != 2:
        return Public(images, None)
    return Public(images, targets_of(people, np.arange(len(people)), case.task, case.mask))


def _others(case: Case) -> Public:
    slices = case.slices
    other = ~np.isin(slices.patients, slices.patients[case.chosen])
    if not other.any():
        raise BadInput(
            f"All slices of {slices.name} are of the attacked "
            f"patient{'s' * (len(np.unique(slices.patients[case.chosen])) > 1)}, so there are no "
            "others to hold; set public to phantoms, or take a set of several patients.",
            field="public",
        )
    chosen = _chosen(slices, other)
    images = torch.from_numpy(slices.images[chosen])
    return Public(images, targets_of(slices, chosen, case.task, case.mask))


def _chosen(slices: SliceSet, other: np.ndarray) -> np.ndarray:
    """Training slices first; where there are too many, evenly over the set."""
    training = other if slices.split is None else other & (slices.split == "train")
    first = _evenly(np.flatnonzero(training), MOST)
    rest = _evenly(np.flatnonzero(other & ~training), MOST - len(first))
    return np.concatenate([first, rest])


def _evenly(numbers: np.ndarray, most: int) -> np.ndarray:
    if len(numbers) <= most:
        return numbers
    spread: np.ndarray = numbers[np.linspace(0, len(numbers) - 1, most).round().astype(int)]
    return spread
