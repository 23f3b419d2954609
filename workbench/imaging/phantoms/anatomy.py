"""One patient: everything inside them, and the gentle bends that make them nobody else."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from workbench.imaging.phantoms.frame import (
    abdomen,
    back_muscles,
    rib_parts,
    spine_parts,
    trunk,
    wall_parts,
)
from workbench.imaging.phantoms.gut import gut_parts
from workbench.imaging.phantoms.habitus import Part, draw_habitus
from workbench.imaging.phantoms.organs import (
    lesion_solids,
    liver_hu,
    liver_parts,
    liver_solid,
    organ_parts,
)
from workbench.imaging.phantoms.solids import Plane, Solid


@dataclass(frozen=True)
class Waves:
    """A smooth random function of space: a sum of cosine waves with unit variance.

    Args:
        directions: float ``(K, 3)``, radians per mm.
        phases: float ``(K,)`` in radians.
    """

    directions: np.ndarray
    phases: np.ndarray

    def at(self, plane: Plane) -> np.ndarray:
        """Its values on a slice, float32 ``(H, W)``."""
        total = np.zeros(plane.x.shape, np.float32)
        for (kx, ky, kz), phase in zip(self.directions.tolist(), self.phases.tolist(), strict=True):
            total += np.cos(
                np.float32(kx) * plane.x
                + np.float32(ky) * plane.y
                + np.float32(kz * plane.z + phase)
            )
        return total * np.float32((2 / len(self.phases)) ** 0.5)


def draw_waves(rng: np.random.Generator, count: int, shortest: float, longest: float) -> Waves:
    """Waves of lengths between ``shortest`` and ``longest`` mm in random directions."""
    ways = rng.normal(size=(count, 3))
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    lengths = rng.uniform(shortest, longest, (count, 1))
    return Waves(2 * np.pi * ways / lengths, rng.uniform(0, 2 * np.pi, count))


@dataclass(frozen=True, kw_only=True)
class Anatomy:
    """A drawn patient.

    Attributes:
        parts: tissues in the order in which they are painted over each other.
        trunk: the body up to the skin.
        abdomen: what lies below the diaphragm and inside the wall.
        liver: the liver, lesions included.
        lesions: solids of the lesions; they count only where they lie in the liver.
        lesion_hu: their Hounsfield units: darker than the liver, as metastases are; or dense, as
            after embolisation with iodised oil, which a small network learns to see.
        bends: displacement in x and y, in units of ``bend_mm``.
        bend_mm: standard deviation of the displacement.
        grain: the unevenness inside tissues, unit variance.
    """

    parts: tuple[Part, ...]
    trunk: Solid
    abdomen: Solid
    liver: Solid
    lesions: tuple[Solid, ...]
    lesion_hu: float
    bends: tuple[Waves, Waves]
    bend_mm: float
    grain: Waves


def draw_anatomy(rng: np.random.Generator, *, dense_lesions: bool = False) -> Anatomy:
    """A patient, drawn; ``dense_lesions`` changes nothing but the brightness of the lesions."""
    habitus = draw_habitus(rng)
    abdominal = abdomen(habitus, rng)
    liver = liver_solid(habitus, rng)
    inside = partial(_inside_both, liver, abdominal)
    dark, dense = float(rng.uniform(-65, -40)), float(rng.uniform(140, 220))
    contrast = dense if dense_lesions else dark
    return Anatomy(
        parts=(
            *wall_parts(habitus, abdominal),
            *back_muscles(habitus),
            *gut_parts(habitus, rng),
            *organ_parts(habitus, rng),
            *liver_parts(habitus, liver, rng),
            *spine_parts(habitus, rng),
            *rib_parts(habitus, rng),
        ),
        trunk=trunk(habitus),
        abdomen=abdominal,
        liver=liver,
        lesions=tuple(lesion_solids(habitus, inside, rng)),
        lesion_hu=liver_hu(habitus) + contrast,
        bends=(draw_waves(rng, 6, 110, 240), draw_waves(rng, 6, 110, 240)),
        bend_mm=float(rng.uniform(1.5, 3.5)),
        grain=draw_waves(rng, 12, 6, 26),
    )


def _inside_both(liver: Solid, abdominal: Solid, at: Plane) -> np.ndarray:
    return np.maximum(at.to(liver), at.to(abdominal))
