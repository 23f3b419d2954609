"""All that is said of a reconstructed batch, slice by slice and on average."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from workbench.attacks.events import Reconstruction
from workbench.attacks.scoring.mask import mask_dice
from workbench.attacks.scoring.rank import Gallery, rank
from workbench.attacks.scoring.score import Score, assign, score


@dataclass(frozen=True, kw_only=True, eq=False)
class Scored:
    """A reconstruction in the order of the truth, with its scores.

    Attributes:
        images: float32 ``(B, H, W)``.
        labels: as found, one for each slice; ``None`` for segmentation.
        masks: float32 ``(B, H, W)``, probabilities; ``None`` where they were not looked for.
        scores: of each slice.
        ranks: place of each true slice in the gallery, 1 for the most alike.
        dice: of each mask; ``None`` where they were not looked for.
    """

    images: np.ndarray
    labels: list[int] | None
    masks: np.ndarray | None
    scores: tuple[Score, ...]
    ranks: tuple[int, ...]
    dice: tuple[float, ...] | None

    @property
    def rank(self) -> int:
        """The batch's median, rounded up."""
        return int(np.ceil(np.median(self.ranks)))

    def mean(self, name: str) -> float:
        """Of one score, by the name of its field."""
        return float(np.mean([getattr(one, name) for one in self.scores]))

    def per_slice(self) -> list[dict[str, Any]]:
        """Every slice's own, as JSON values."""
        dice = self.dice or (None,) * len(self.scores)
        return [
            {**_values(one), "rank": place, "mask_dice": overlap}
            for one, place, overlap in zip(self.scores, self.ranks, dice, strict=True)
        ]

    def summary(self) -> dict[str, Any]:
        """The means, as JSON values."""
        return {
            **{field.name: self.mean(field.name) for field in fields(Score)},
            "mask_dice": None if self.dice is None else float(np.mean(self.dice)),
        }


def scored(truths: np.ndarray, masks: np.ndarray, among: Gallery, found: Reconstruction) -> Scored:
    """Match pictures to slices, then score them.

    Args:
        truths: ``(B, H, W)`` in [0, 1].
        masks: ``(B, H, W)``, class index of every pixel.
        among: where the true slices stand among others.
        found: what an attack ended with.
    """
    order = assign(truths, found.images)
    images = found.images[order]
    recovered = None if found.masks is None else found.masks[order]
    return Scored(
        images=images,
        labels=None if found.labels is None else found.labels[order].tolist(),
        masks=recovered,
        scores=tuple(score(truth, image) for truth, image in zip(truths, images, strict=True)),
        ranks=tuple(
            rank(image, among, place)
            for image, place in zip(images, among.places.tolist(), strict=True)
        ),
        dice=None
        if recovered is None
        else tuple(mask_dice(mask, one) for mask, one in zip(masks, recovered, strict=True)),
    )


def _values(one: Score) -> dict[str, float]:
    return {field.name: getattr(one, field.name) for field in fields(Score)}
