"""Where a search begins: grey, or what an attacker makes of other people's slices."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from workbench.attacks.knowledge import Knowledge
from workbench.attacks.observation import Observation

GREY, GREY_SPREAD = 0.3, 0.02

ALIKE = (32, 128, 8, 64, 16)
"""How many public slices are averaged, attempt after attempt. A mean of a few dozen lies nearer to
an unknown slice than any single one, by about 3 dB on liver CT; 32 was the best of them."""


def starting_images(
    observation: Observation,
    knowledge: Knowledge,
    targets: Tensor | None,
    restart: int,
    seed: int,
) -> Tensor:
    """The images that an attempt begins at.

    With public slices each record starts at the mean of those whose mask or label is most like its
    own; without masks, at the mean of all. Their gradients are not asked: on a trained network the
    cosine with the observed one hardly tells which public slice is near (correlation with the PSNR
    below 0.2 on liver CT), nor does a regression from gradients to slices beat their mean.

    Args:
        observation: what was shared; of how many records.
        knowledge: the public slices and their masks or labels, where there are any.
        targets: masks ``(B, 1, H, W)`` or labels ``(B,)`` of the records; ``None`` where unknown.
        restart: number of the attempt, from 0; later ones average more or fewer slices.
        seed: of what is drawn.

    Returns:
        float32 ``(B, 1, H, W)`` in [0, 1].
    """
    shape = (observation.batch_size, 1, knowledge.size, knowledge.size)
    if knowledge.public is None or not len(knowledge.public):
        return grey(shape, restart, seed)
    count = ALIKE[restart % len(ALIKE)]
    known = knowledge.public_targets
    if targets is None or known is None or targets.ndim != known.ndim:
        chosen = [_anybody(len(knowledge.public), restart, seed)] * observation.batch_size
    else:
        chosen = [_nearest(known, target)[:count] for target in targets]
    return torch.stack([knowledge.public[who].mean(dim=0) for who in chosen]).float().clamp(0, 1)


def starting_masks(knowledge: Knowledge, area: float, restart: int) -> Tensor:
    """Masks that an attempt begins at where they are not told, as probabilities.

    Args:
        knowledge: of size and of public masks, where there are any.
        area: share of the pixels that the organ covers, in (0, 1), as far as it is known.
        restart: number of the attempt; every other one leaves the public masks aside.

    Returns:
        float32 ``(1, 1, H, W)`` in (0, 1), of this area: even, or shaped like the public mean mask.
    """
    shape = (1, 1, knowledge.size, knowledge.size)
    if knowledge.public_targets is None or knowledge.public_targets.ndim != 4 or restart % 2:
        return torch.full(shape, area)
    mean = (knowledge.public_targets > 0).float().mean(dim=0, keepdim=True)
    # A tenth of it is spread evenly, so that no pixel is ruled out.
    shaped = 0.9 * mean / mean.mean().clamp(min=1e-6) + 0.1
    return (area * shaped).clamp(1e-4, 0.9)


def grey(shape: tuple[int, ...], restart: int, seed: int) -> Tensor:
    """Where to begin when nothing is known: grey with a little noise."""
    noise = np.random.default_rng((seed, restart)).standard_normal(shape)
    return torch.from_numpy(GREY + GREY_SPREAD * noise).float().clamp(0, 1)


def _anybody(count: int, restart: int, seed: int) -> Tensor:
    """All public slices, in later attempts a random half of them."""
    if restart == 0:
        return torch.arange(count)
    drawn = np.random.default_rng((seed, restart)).permutation(count)
    return torch.from_numpy(drawn[: max(count // 2, 1)])


def _nearest(known: Tensor, target: Tensor) -> Tensor:
    """By Dice of the foreground; of labels, only those with the same one if there are any."""
    if target.ndim == 0:
        same = (known == target).nonzero().flatten()
        return same if len(same) else torch.arange(len(known))
    theirs, own = (known > 0).flatten(1).float(), (target > 0).flatten().float()
    dice = 2 * (theirs @ own) / (theirs.sum(dim=1) + own.sum()).clamp(min=1)
    return dice.argsort(descending=True, stable=True)
