"""Which phantoms to draw, and one of them drawn and scanned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from workbench.errors import BadInput
from workbench.imaging.phantoms.anatomy import draw_anatomy
from workbench.imaging.phantoms.drawing import FIELD_OF_VIEW_MM, draw_slice
from workbench.imaging.phantoms.scanner import scan

PHOTONS_PER_MM = 60_000.0
"""Dose of the drawn scanner; gives 10 to 15 HU of noise in the liver at 128 pixels."""


@dataclass(frozen=True, kw_only=True)
class CohortPlan:
    """Which phantoms: the same plan is the same pictures, bit for bit.

    Args:
        patients: how many, 1 to 100 000; the first of a larger cohort are those of a smaller one.
        slices: of each patient, 1 to 512, evenly spaced over the liver.
        seed: 0 or more.
        size: side in pixels, 16 to 512.
        dense_lesions: whether lesions are brighter than the liver instead of darker.
        field: side of the slices in mm, 150 to 700; a body is about 300 mm wide.
        beyond: mm, 0 to 60, by which the first and the last slice lie farther out, where the
            liver is small or has ended.

    Raises:
        BadInput: a number is out of its range.
    """

    patients: int = 200
    slices: int = 8
    seed: int = 1
    size: int = 128
    dense_lesions: bool = False
    field: int = int(FIELD_OF_VIEW_MM)
    beyond: int = 0

    def __post_init__(self) -> None:
        ranges = {
            "patients": (1, 100_000),
            "slices": (1, 512),
            "seed": (0, 2**63),
            "size": (16, 512),
            "field": (150, 700),
            "beyond": (0, 60),
        }
        for name, (low, high) in ranges.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise BadInput(
                    f"Phantoms need {name} between {low} and {high}, not {value}.", field="data"
                )


class DrawnPatient(NamedTuple):
    """One patient's slices from the feet upwards.

    Attributes:
        hu: int16 ``(slices, H, H)``, with the scanner's noise.
        masks: uint8 ``(slices, H, H)``: 0 elsewhere, 1 liver, 2 lesion.
    """

    hu: np.ndarray
    masks: np.ndarray


def draw_patient(plan: CohortPlan, number: int) -> DrawnPatient:
    """Patient ``number`` (from 0) of the plan."""
    rng = np.random.default_rng([plan.seed, number])
    anatomy = draw_anatomy(rng, dense_lesions=plan.dense_lesions)
    low = float(rng.uniform(-68, -52)) - plan.beyond
    high = float(rng.uniform(46, 60)) + plan.beyond
    heights = np.linspace(low, high, plan.slices) if plan.slices > 1 else np.zeros(1)
    shape = (plan.slices, plan.size, plan.size)
    hu, masks = np.empty(shape, np.int16), np.empty(shape, np.uint8)
    for index, z in enumerate(heights.tolist()):
        drawn = draw_slice(anatomy, z, plan.size, plan.field)
        noisy = scan(drawn.hu, plan.field / plan.size, PHOTONS_PER_MM, rng)
        hu[index] = np.rint(np.clip(noisy, -1024, 3071))
        masks[index] = drawn.liver + drawn.lesions.astype(np.uint8)
    return DrawnPatient(hu, masks)
