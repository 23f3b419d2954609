"""What somebody could say of a slice without having seen its gradient."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from workbench.attacks.scoring.score import Score, mean_score
from workbench.imaging.phantoms.cohort import phantoms
from workbench.imaging.sliceset import SliceSet

PHANTOMS = 16
"""How many stand in for other patients where a set has none."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Baseline:
    """One blind guess and its score.

    Attributes:
        name: ``"mean image"`` or ``"flat grey"``.
        made_of: where it comes from, in words.
        picture: float32 ``(H, W)``, shown for the first slice.
        score: over the batch.
    """

    name: str
    made_of: str
    picture: np.ndarray
    score: Score

    def summary(self) -> dict[str, Any]:
        """Its scores and origin, without the picture."""
        return {"made_of": self.made_of, **asdict(self.score)}


def baselines(slices: SliceSet, chosen: np.ndarray) -> tuple[Baseline, Baseline]:
    """The mean image of public slices, and the best grey that a flat image can have.

    Args:
        slices: the set that the attacked slices come from.
        chosen: int ``(B,)``, which of them are attacked.
    """
    truths = slices.images[chosen, 0]
    others, made_of = public_slices(slices, chosen)
    mean = others.mean(axis=0)
    flat = np.broadcast_to(truths.mean(axis=(1, 2), keepdims=True), truths.shape)
    return (
        Baseline(
            name="mean image",
            made_of=made_of,
            picture=mean,
            score=mean_score(truths, np.broadcast_to(mean, truths.shape)),
        ),
        Baseline(
            name="flat grey",
            made_of="each slice's own mean, which no attacker knows: the best that a flat image "
            "can be",
            picture=np.ascontiguousarray(flat[0]),
            score=mean_score(truths, flat),
        ),
    )


def public_slices(slices: SliceSet, chosen: np.ndarray) -> tuple[np.ndarray, str]:
    """Slices of people who are not attacked: ``(N, H, W)``, and whose they are, in words.

    Other patients of the set, those it trains on where it says so; phantoms where there are none.
    """
    others = ~np.isin(slices.patients, slices.patients[chosen])
    if slices.split is not None and (others & (slices.split == "train")).any():
        others &= slices.split == "train"
    if others.any():
        patients = len(np.unique(slices.patients[others]))
        made_of = f"{int(others.sum())} slices of {patients} other patients of {slices.name}"
        return slices.images[others, 0], made_of
    drawn = phantoms(PHANTOMS, 1, size=slices.height)
    return drawn.images[:, 0], f"{PHANTOMS} phantoms, as the set has nobody else"
