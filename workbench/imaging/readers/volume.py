"""Volumes cut into axial slices, and several of them as one set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from workbench.errors import BadInput
from workbench.imaging.hounsfield import SOFT_TISSUE
from workbench.imaging.readers.groups import groupings
from workbench.imaging.resizing import check_memory, resized_mask, resized_picture
from workbench.imaging.sliceset import SliceSet

AIR_HU = -1000.0
SURELY_AIR = -300.0
"""A value below this exists in no picture but one in Hounsfield units."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Volume:
    """The axial slices of one scan that are wanted, in the radiological view, feet first.

    Attributes:
        patient: a name that says nothing about the person.
        slices: float32 ``(D, H, W)``, HU or the scanner's own unit.
        masks: uint8 ``(D, H, W)``, class indices, or ``None``.
        spacing_mm: height and width of a pixel.
        hounsfield: whether the values are HU.
        scanner: maker and model of the machine, empty where unknown.
    """

    patient: str
    slices: np.ndarray
    masks: np.ndarray | None
    spacing_mm: tuple[float, float] | None
    hounsfield: bool
    scanner: str = ""


def fitted(volume: Volume, size: int | None) -> Volume:
    """The volume squared and brought to ``size`` pixels, its spacing adjusted."""
    height, width = volume.slices.shape[1:]
    if size is None or (height == width == size):
        return volume
    background = AIR_HU if volume.hounsfield else float(np.nanmin(volume.slices, initial=0))
    spacing = volume.spacing_mm
    scale = max(height, width) / size
    return replace(
        volume,
        slices=np.stack([resized_picture(s, size, background) for s in volume.slices]),
        masks=None
        if volume.masks is None
        else np.stack([resized_mask(m, size) for m in volume.masks]),
        spacing_mm=None if spacing is None else (spacing[0] * scale, spacing[1] * scale),
    )


def slice_set(
    name: str,
    volumes: Sequence[Volume],
    *,
    size: int | None,
    classes: tuple[str, ...] = (),
    provenance: str,
    identifying_tags: tuple[str, ...] = (),
) -> SliceSet:
    """All slices of all volumes; CT in the soft-tissue window, anything else by its own range.

    Raises:
        BadInput: CT is mixed with something else, or only some volumes have masks.
    """
    _check_alike(name, volumes)
    shapes = {volume.slices.shape[1:] for volume in volumes}
    if size is None and len(shapes) > 1:
        size = max(max(shape) for shape in shapes)
        check_memory(name, sum(len(volume.slices) for volume in volumes), size, size)
    volumes = [fitted(volume, size) for volume in volumes]
    hounsfield = volumes[0].hounsfield
    shown = [SOFT_TISSUE.show(v.slices) if hounsfield else _by_range(v.slices) for v in volumes]
    lengths = [len(volume.slices) for volume in volumes]
    scanners = np.repeat([volume.scanner for volume in volumes], lengths)
    masks = [volume.masks for volume in volumes if volume.masks is not None]
    return SliceSet(
        name=name,
        images=np.concatenate(shown)[:, None],
        masks=np.concatenate(masks)[:, None] if masks else None,
        patients=np.repeat([volume.patient for volume in volumes], lengths),
        classes=classes if masks else (),
        spacing_mm=_common_spacing(volumes),
        window=SOFT_TISSUE if hounsfield else None,
        provenance=f"{provenance} {_value_range(volumes)}",
        identifying_tags=identifying_tags,
        groups=groupings({"scanner": scanners}),
    )


def _check_alike(name: str, volumes: Sequence[Volume]) -> None:
    if not volumes:
        raise BadInput(f"{name}: there is no slice in it; name a set that has some.", field="data")
    if len({volume.hounsfield for volume in volumes}) > 1:
        raise BadInput(
            f"{name}: some volumes are CT in Hounsfield units and some are not; "
            "put them into folders of their own.",
            field="data",
        )
    without = [volume.patient for volume in volumes if volume.masks is None]
    if 0 < len(without) < len(volumes):
        raise BadInput(
            f"{name}: {len(without)} of {len(volumes)} volumes have no mask beside them; "
            "add the masks or move those volumes away.",
            field="data",
        )


def _by_range(values: np.ndarray) -> np.ndarray:
    # The usual display of MR and radiographs: the darkest and brightest half per cent are clipped.
    if not np.isfinite(values).all():
        return values
    low, high = np.percentile(values, (0.5, 99.5))
    scaled = (values - low) / max(high - low, 1e-6)
    return np.clip(scaled, 0, 1).astype(np.float32)


def _common_spacing(volumes: Sequence[Volume]) -> tuple[float, float] | None:
    spacings = {volume.spacing_mm for volume in volumes}
    first = volumes[0].spacing_mm
    if first is None or None in spacings:
        return None
    same = all(np.allclose(first, spacing, rtol=0.01) for spacing in spacings if spacing)
    return first if same else None


def _value_range(volumes: Sequence[Volume]) -> str:
    low = min(float(np.min(volume.slices)) for volume in volumes)
    high = max(float(np.max(volume.slices)) for volume in volumes)
    if volumes[0].hounsfield:
        return f"Values {low:.0f} to {high:.0f} HU, shown from -200 to 300 HU."
    return f"Values {low:g} to {high:g}, each volume shown over its own range."
