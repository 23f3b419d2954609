"""Many phantoms as one set of slices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from workbench.errors import BadInput
from workbench.imaging.hounsfield import ABDOMEN, Window
from workbench.imaging.phantoms.plan import CohortPlan
from workbench.imaging.phantoms.storage import drawn_once
from workbench.imaging.phantoms.varied import varied
from workbench.imaging.sliceset import SliceSet

Progress = Callable[[float, float], None]
Target = Literal["liver", "lesion"]

MOST_VERSIONS = 100

VISIBLE_LESION_MM2 = 80.0
"""Smallest area of lesion that makes a slice count as showing one (a disc 10 mm across)."""


def phantoms(
    patients: int = 200,
    slices: int = 8,
    seed: int = 1,
    size: int = 128,
    *,
    target: Target = "liver",
    field: int = CohortPlan.field,
    beyond: int = CohortPlan.beyond,
    window: Window = ABDOMEN,
    versions: int = 0,
    progress: Progress | None = None,
) -> SliceSet:
    """Abdominal CT of people who do not exist.

    Args:
        patients: how many, 1 or more.
        slices: of each patient, evenly spaced over the liver, feet to head.
        seed: the same seed draws the same people, whatever the number of processes.
        size: side in pixels, 16 to 512.
        target: ``"liver"`` gives masks (lesions count as liver); ``"lesion"`` gives the same
            people dense lesions and each slice a label: does it show one?
        field: side of the slices in mm, 150 to 700.
        beyond: mm, 0 to 60, by which the first and the last slice lie farther out.
        window: what [0, 1] stands for; slices that are going to be a starting point for others
            should be shown as those are.
        versions: of each slice in random scale, contrast and sharpness (``varied.varied``), 0 to
            100; 0 keeps the slices as they were drawn.
        progress: called with patients done and patients in all.

    Returns:
        A set in that window; drawn once, then read from the workspace's cache.

    Raises:
        BadInput: a number is out of its range.
    """
    by_liver = target == "liver"
    plan = CohortPlan(
        patients=patients,
        slices=slices,
        seed=seed,
        size=size,
        dense_lesions=not by_liver,
        field=field,
        beyond=beyond,
    )
    if not 0 <= versions <= MOST_VERSIONS:
        raise BadInput(
            f"Phantoms need versions between 0 and {MOST_VERSIONS}, not {versions}.", field="data"
        )
    drawn = drawn_once(plan, progress)
    pictures, masks = window.show(drawn.hu), drawn.masks
    if versions:
        pictures, masks = varied(drawn.hu, masks, window, versions, seed)
    pixel = field / size
    lesion_area = (masks == 2).sum(axis=(1, 2)) * pixel**2
    numbers = np.repeat(np.arange(patients), slices * max(1, versions))
    return SliceSet(
        name=f"phantom-{target}",
        images=pictures[:, None],
        patients=np.array([f"phantom {number}" for number in numbers]),
        masks=(masks > 0).astype(np.uint8)[:, None] if by_liver else None,
        labels=None if by_liver else (lesion_area >= VISIBLE_LESION_MM2).astype(np.int64),
        classes=("background", "liver") if by_liver else ("no lesion", "lesion"),
        spacing_mm=None if versions else (pixel, pixel),
        window=window,
        provenance=f"Drawn from seed {seed}: abdominal CT of {patients} people who do not exist, "
        f"{slices} slices each.",
    )
