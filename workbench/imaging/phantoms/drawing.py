"""A patient cut at a height: true Hounsfield units and the masks that belong to them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from workbench.imaging.phantoms.anatomy import Anatomy
from workbench.imaging.phantoms.frame import AIR
from workbench.imaging.phantoms.solids import FAR, Plane

FIELD_OF_VIEW_MM = 370.0
TABLE_HU = 60.0

INSIDE_LIVER = frozenset({"vessel"})
"""Parts that count as liver where they are painted over it."""


class DrawnSlice(NamedTuple):
    """One slice before any noise.

    Attributes:
        hu: true Hounsfield units, float32 ``(H, H)``.
        body: bool ``(H, H)``, inside the skin.
        liver: bool ``(H, H)``, lesions included.
        lesions: bool ``(H, H)``.
    """

    hu: np.ndarray
    body: np.ndarray
    liver: np.ndarray
    lesions: np.ndarray


def draw_slice(
    anatomy: Anatomy, z: float, size: int, field_mm: float = FIELD_OF_VIEW_MM
) -> DrawnSlice:
    """Cut the patient at ``z`` mm (0 is mid-liver, positive towards the head), ``field_mm`` wide.

    Each tissue is blended over what lies below it by the part of the pixel that it covers.
    """
    straight, whole = _planes(anatomy, z, size, field_mm)
    pixel = field_mm / size
    picture = _table(straight, anatomy, pixel)
    skin = whole.to(anatomy.trunk)
    # Half of the picture is air: tissues are painted in the rows and columns that the body has.
    box = _box(skin < 2 * pixel)
    at = Plane(whole.x[box], whole.y[box], z)
    masks = np.zeros((3, size, size), bool)
    masks[0], hu = skin < 0, picture[box]
    masks[1][box] = _paint_tissues(anatomy, at, pixel, hu)
    masks[2][box] = _paint_lesions(anatomy, at, pixel, hu, masks[1][box])
    return DrawnSlice(picture, *masks)


def _box(where: np.ndarray) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(where.any(axis=1)), np.flatnonzero(where.any(axis=0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _paint_tissues(anatomy: Anatomy, at: Plane, pixel: float, hu: np.ndarray) -> np.ndarray:
    """Blend all tissues into ``hu``; returns where the liver is not covered by others."""
    grain, abdomen = anatomy.grain.at(at), at.to(anatomy.abdomen)
    liver = np.zeros(hu.shape, bool)
    for part in anatomy.parts:
        distance = at.to(part.solid)
        if part.within:
            distance = np.maximum(distance, abdomen)
        covered = _coverage(distance, pixel)
        if covered is None:
            continue
        hu += covered * (np.float32(part.hu) + np.float32(part.texture) * grain - hu)
        if part.name == "liver":
            liver = covered >= 0.5
        elif part.name not in INSIDE_LIVER:
            liver &= covered < 0.5
    return liver


def _planes(anatomy: Anatomy, z: float, size: int, field_mm: float) -> tuple[Plane, Plane]:
    axis = (np.arange(size, dtype=np.float32) - size // 2) * np.float32(field_mm / size)
    y, x = np.meshgrid(axis, axis, indexing="ij")
    straight = Plane(x, y, z)
    moved = [wave.at(straight) * np.float32(anatomy.bend_mm) for wave in anatomy.bends]
    return straight, Plane(x + moved[0], y + moved[1], z)


def _coverage(distance: np.ndarray, pixel: float) -> np.ndarray | None:
    # A pixel is covered by half where the surface runs through its centre.
    if float(distance.min()) > pixel / 2:
        return None
    return np.clip(0.5 - distance / np.float32(pixel), 0, 1)


def _table(at: Plane, anatomy: Anatomy, pixel: float) -> np.ndarray:
    # A shallow curved shell behind the patient, 12 mm below the lowest point of the skin.
    inside = at.to(anatomy.trunk) < 0
    lowest = float(at.y[inside].max()) + 12
    sag = lowest - (at.x / 150) ** 2 * 22
    shell = np.abs(at.y - sag) - 2
    distance = np.where(np.abs(at.x) < 150, shell, FAR)
    covered = np.clip(0.5 - distance / np.float32(pixel), 0, 1)
    return (AIR + covered * np.float32(TABLE_HU - AIR)).astype(np.float32)


def _paint_lesions(
    anatomy: Anatomy, at: Plane, pixel: float, hu: np.ndarray, liver: np.ndarray
) -> np.ndarray:
    """Blend the lesions into ``hu`` where the liver is; returns their mask."""
    found = np.zeros(liver.shape, bool)
    for lesion in anatomy.lesions:
        covered = _coverage(at.to(lesion), pixel)
        if covered is not None:
            covered = covered * liver
            hu += covered * (np.float32(anatomy.lesion_hu) - hu)
            found |= covered >= 0.5
    return found
