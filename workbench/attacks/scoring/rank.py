"""Whose slice is it? The place of the true slice among others that it could have been."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from workbench.attacks.scoring.baselines import PHANTOMS, public_slices
from workbench.imaging.sliceset import SliceSet

MOST = 1000
"""Slices of a gallery at most."""


class Gallery(NamedTuple):
    """Slices among which the true ones stand.

    Attributes:
        pictures: float32 ``(N, H, W)``.
        places: int ``(B,)``, where the attacked slices stand.
        made_of: what it consists of, in words.
    """

    pictures: np.ndarray
    places: np.ndarray
    made_of: str


def gallery(slices: SliceSet, chosen: np.ndarray) -> Gallery:
    """All slices of the set, the attacked ones first; at most :data:`MOST`, taken evenly.

    Where the set has no other slice, phantoms stand beside it.

    Args:
        slices: the set that the attacked slices come from.
        chosen: int ``(B,)``, which of them are attacked.
    """
    truths, places = slices.images[chosen, 0], np.arange(len(chosen))
    if len(slices) == 1:
        others, _ = public_slices(slices, chosen)
        made_of = f"the slice and {len(others)} phantoms, as the set has no other slice"
        return Gallery(np.concatenate([truths, others]), places, made_of)
    others = np.setdiff1d(np.arange(len(slices)), chosen)
    if len(slices) > MOST:
        others = others[np.linspace(0, len(others) - 1, MOST - len(chosen)).round().astype(int)]
    pictures = np.concatenate([truths, slices.images[others, 0]])
    return Gallery(pictures, places, f"{len(pictures)} slices of {slices.name}")


def gallery_size(slices: SliceSet) -> int:
    """How many slices stand in the gallery of this set."""
    return 1 + PHANTOMS if len(slices) == 1 else min(len(slices), MOST)


def rank(picture: np.ndarray, among: Gallery, place: int) -> int:
    """Place of a true slice by its correlation with a reconstruction, 1 for the most alike.

    Slices that are as much alike as the true one stand half before it and half behind, so that a
    reconstruction without content ends in the middle.

    Args:
        picture: ``(H, W)``.
        among: the gallery.
        place: where the true slice stands in it.
    """
    alike = _correlations(among.pictures, picture)
    before = int((alike > alike[place]).sum())
    level = int((alike == alike[place]).sum()) - 1
    return 1 + before + (level + 1) // 2


def _correlations(pictures: np.ndarray, picture: np.ndarray) -> np.ndarray:
    """Pearson's, ``(N,)``; 0 where either is constant. Equal pictures have equal ones."""
    flat = pictures.reshape(len(pictures), -1).astype(np.float64)
    flat -= flat.mean(axis=1, keepdims=True)
    one = picture.astype(np.float64).ravel()
    one = one - one.mean()
    norms = np.sqrt((flat**2).sum(axis=1)) * np.sqrt((one**2).sum())
    products = (flat * one).sum(axis=1)
    return np.divide(products, norms, out=np.zeros(len(flat)), where=norms > 1e-12)
