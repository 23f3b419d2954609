"""Training and validation slices of different patients."""

from __future__ import annotations

import numpy as np

from workbench.errors import BadInput
from workbench.imaging.sliceset import SliceSet


def train_val(
    slices: SliceSet, *, seed: int, fraction: float = 0.15, patients: int | None = None
) -> tuple[SliceSet, SliceSet]:
    """Slices to train on and slices of other patients to validate on.

    The set's own split is used where it has training and validation slices; its test slices are
    in neither part. Otherwise patients are drawn.

    Args:
        slices: the whole set.
        seed: draws the patients; the same seed draws the same.
        fraction: of the patients that validate, in (0, 1); at least one does, and one trains.
        patients: to train on, >= 1; of one seed, fewer are a part of more, and the same ones
            validate. ``None`` takes all.

    Raises:
        BadInput: there is one patient only, the set's split has a patient on both sides, or there
            are fewer patients to train on than asked for.
    """
    train, validation = _parted(slices, seed, fraction)
    return train if patients is None else _fewer(train, patients, seed), validation


def _parted(slices: SliceSet, seed: int, fraction: float) -> tuple[SliceSet, SliceSet]:
    if not 0 < fraction < 1:
        raise BadInput(f"The validation fraction must lie between 0 and 1, not {fraction:g}.")
    if slices.split is not None:
        split = slices.split
        if {"train", "val"} <= set(split.tolist()):
            _check_apart(slices, split)
            return slices.subset(split == "train"), slices.subset(split == "val")
        if (split == "train").any():
            slices = slices.subset(split == "train")
    held_out = _draw(slices, seed, fraction)
    return slices.subset(~held_out), slices.subset(held_out)


def _draw(slices: SliceSet, seed: int, fraction: float) -> np.ndarray:
    patients = np.unique(slices.patients)
    if len(patients) < 2:
        raise BadInput(
            f"{slices.name}: all slices are of one patient, so none is left to validate on; "
            "add slices of a second patient.",
            field="data",
        )
    count = min(max(round(fraction * len(patients)), 1), len(patients) - 1)
    chosen = np.random.default_rng(seed).permutation(patients)[:count]
    return np.isin(slices.patients, chosen)


def _fewer(train: SliceSet, count: int, seed: int) -> SliceSet:
    known = np.unique(train.patients)
    if count > len(known):
        raise BadInput(
            f"{train.name}: there are {len(known)} patients to train on, not {count}; "
            "ask for at most as many, or for all of them.",
            field="patients",
        )
    # Another stream than the validation patients', who are drawn from the same seed.
    chosen = np.random.default_rng([seed, 1]).permutation(known)[:count]
    return train.subset(np.isin(train.patients, chosen))


def _check_apart(slices: SliceSet, split: np.ndarray) -> None:
    both = np.intersect1d(slices.patients[split == "train"], slices.patients[split == "val"])
    if len(both):
        raise BadInput(
            f"{slices.name}: patient {both[0]} is in both the training and the validation part; "
            "a patient must be in one of them only.",
            field="data",
        )
