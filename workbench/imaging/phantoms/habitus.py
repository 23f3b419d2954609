"""A patient's build: size, fat, and how the contrast agent has spread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.imaging.phantoms.solids import Solid, Vector

REFERENCE_WIDTH = 132.0
REFERENCE_DEPTH = 92.0
"""Half width and half depth in mm of the abdominal cavity that organs are described in."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One tissue: where it is and what it shows.

    Args:
        name: ``"liver"``, ``"rib"``; parts of one name are one organ.
        solid: where it is.
        hu: true Hounsfield units.
        texture: standard deviation of its unevenness in HU.
        within: clip it to the abdomen, below the diaphragm and inside the wall.
    """

    name: str
    solid: Solid
    hu: float
    texture: float = 4.0
    within: bool = False


@dataclass(frozen=True, kw_only=True)
class Habitus:
    """The numbers that everything else in a patient depends on; lengths in mm.

    Args:
        half_width: of the cavity inside the muscular wall.
        half_depth: of the same, front to back.
        muscle: thickness of the wall.
        fat_side: thickness of the fat under the skin at the sides.
        fat_front: the same at front and back.
        enhancement: 0 before the contrast agent, 1 in the portal venous phase.
        arterial: 0 (late) to 1 (early): how much brighter arteries and kidneys are.
        steatosis: HU that a fatty liver is darker.
    """

    half_width: float
    half_depth: float
    muscle: float
    fat_side: float
    fat_front: float
    enhancement: float
    arterial: float
    steatosis: float

    def place(self, x: float, y: float, z: float) -> Vector:
        """A point of the reference cavity in this patient."""
        return (x * self.half_width / REFERENCE_WIDTH, y * self.half_depth / REFERENCE_DEPTH, z)


def draw_habitus(rng: np.random.Generator) -> Habitus:
    """A patient's build: slim to stout, mostly scanned in the portal venous phase."""
    size = rng.normal(0, 1)
    width = float(np.clip(129 + 7 * size + rng.normal(0, 3), 110, 143))
    stoutness = float(np.clip(rng.normal(0.45 + 0.1 * size, 0.35), 0, 1))
    return Habitus(
        half_width=width,
        half_depth=float(np.clip(width * rng.normal(0.70, 0.035), 80, 115)),
        muscle=float(rng.uniform(7, 12)),
        fat_side=4 + 18 * stoutness * float(rng.uniform(0.7, 1.2)),
        fat_front=4 + 26 * stoutness * float(rng.uniform(0.7, 1.2)),
        enhancement=float(rng.uniform(0.6, 1.1)) if rng.random() < 0.9 else 0.0,
        arterial=float(rng.beta(1.2, 3)),
        steatosis=float(rng.uniform(15, 40)) if rng.random() < 0.12 else 0.0,
    )
