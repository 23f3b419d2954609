"""Many phantoms as one set of slices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from workbench.imaging.hounsfield import ABDOMEN
from workbench.imaging.phantoms.drawing import FIELD_OF_VIEW_MM
from workbench.imaging.phantoms.plan import CohortPlan
from workbench.imaging.phantoms.storage import drawn_once
from workbench.imaging.sliceset import SliceSet

Progress = Callable[[float, float], None]
Target = Literal["liver", "lesion"]

VISIBLE_LESION_MM2 = 80.0
"""Smallest area of lesion that makes a slice count as showing one (a disc 10 mm across)."""


def phantoms(
    patients: int = 200,
    slices: int = 8,
    seed: int = 1,
    size: int = 128,
    *,
    target: Target = "liver",
    progress: Progress | None = None,
) -> SliceSet:
    """Abdominal CT of people who do not exist.

    Args:
        patients: how many, 1 or more.
        slices: of each patient, evenly spaced over the liver, feet to head.
        seed: the same seed draws the same people, whatever the number of processes.
        size: side in pixels, 16 to 512; the field of view is always 370 mm.
        target: ``"liver"`` gives masks (lesions count as liver); ``"lesion"`` gives the same
            people dense lesions and each slice a label: does it show one?
        progress: called with patients done and patients in all.

    Returns:
        A set in the abdominal window; drawn once, then read from the workspace's cache.

    Raises:
        BadInput: a number is out of its range.
    """
    by_liver = target == "liver"
    plan = CohortPlan(
        patients=patients, slices=slices, seed=seed, size=size, dense_lesions=not by_liver
    )
    drawn = drawn_once(plan, progress)
    pixel = FIELD_OF_VIEW_MM / size
    lesion_area = (drawn.masks == 2).sum(axis=(1, 2)) * pixel**2
    numbers = np.repeat(np.arange(patients), slices)
    return SliceSet(
        name=f"phantom-{target}",
        images=ABDOMEN.show(drawn.hu)[:, None],
        patients=np.array([f"phantom {number}" for number in numbers]),
        masks=(drawn.masks > 0).astype(np.uint8)[:, None] if by_liver else None,
        labels=None if by_liver else (lesion_area >= VISIBLE_LESION_MM2).astype(np.int64),
        classes=("background", "liver") if by_liver else ("no lesion", "lesion"),
        spacing_mm=(pixel, pixel),
        window=ABDOMEN,
        provenance=f"Drawn from seed {seed}: abdominal CT of {patients} people who do not exist, "
        f"{slices} slices each.",
    )
