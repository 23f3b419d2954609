"""A set of slices: pictures, what they show, and whose they are."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from workbench.errors import BadInput
from workbench.imaging.hounsfield import Window

Split = Literal["train", "val", "test"]


@dataclass(frozen=True, kw_only=True, eq=False)
class SliceSet:
    """Two-dimensional slices of known patients, ready for a network.

    Attributes:
        name: what a person calls it (``"phantom-liver"``, a file's stem).
        images: float32 ``(N, 1, H, W)`` in [0, 1].
        patients: str ``(N,)``, who each slice belongs to.
        masks: uint8 ``(N, 1, H, W)``, class index of every pixel, or ``None``.
        labels: int64 ``(N,)``, class index of every slice, or ``None``.
        classes: names of the classes; index 0 is background for masks.
        split: str ``(N,)`` of ``"train"``, ``"val"``, ``"test"`` as the source has it, or ``None``.
        spacing_mm: height and width of a pixel in millimetres, or ``None`` where unknown.
        window: the HU window that [0, 1] stands for, or ``None`` where the source had no HU.
        provenance: where it came from, in a sentence.
        identifying_tags: names of DICOM header fields found that could identify a patient.
        groups: by name of a grouping (``"cause"``, ``"scanner"``) the group of every slice, str
            ``(N,)``, empty where unknown; to see whom a network serves well.

    Raises:
        BadInput: shapes do not fit, a value is not finite or outside [0, 1], no slice at all.
    """

    name: str
    images: np.ndarray
    patients: np.ndarray
    masks: np.ndarray | None = None
    labels: np.ndarray | None = None
    classes: tuple[str, ...] = ()
    split: np.ndarray | None = None
    spacing_mm: tuple[float, float] | None = None
    window: Window | None = None
    provenance: str = ""
    identifying_tags: tuple[str, ...] = ()
    groups: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        images = self.images
        if images.ndim != 4 or images.shape[1] != 1 or images.dtype != np.float32:
            raise BadInput(
                f"{self.name}: slices must be float32 (N, 1, H, W), "
                f"not {images.dtype} {images.shape}."
            )
        if len(images) == 0:
            raise BadInput(f"{self.name}: there is no slice in it; name a set that has some.")
        if not np.isfinite(images).all():
            bad = int(np.flatnonzero(~np.isfinite(images).all(axis=(1, 2, 3)))[0])
            raise BadInput(
                f"{self.name}: slice {bad} has pixels that are not numbers (NaN or infinity); "
                "repair or leave out that slice."
            )
        if images.min() < 0 or images.max() > 1:
            raise BadInput(
                f"{self.name}: values must lie in [0, 1], not {images.min():g} to {images.max():g}."
            )
        for what, array in (
            ("patients", self.patients),
            ("labels", self.labels),
            ("split", self.split),
            *self.groups.items(),
        ):
            if array is not None and array.shape != (len(images),):
                raise BadInput(
                    f"{self.name}: {what} has shape {array.shape}, "
                    f"but there are {len(images)} slices."
                )
        if self.masks is not None and self.masks.shape != images.shape:
            raise BadInput(
                f"{self.name}: masks are {self.masks.shape[-2:]} but images are "
                f"{images.shape[-2:]} pixels; give each slice a mask of its own size."
            )

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> SliceSet:
        """The set that holds just this slice."""
        return self.subset(np.array([range(len(self))[index]]))

    @property
    def height(self) -> int:
        return int(self.images.shape[2])

    @property
    def width(self) -> int:
        return int(self.images.shape[3])

    @property
    def patient_count(self) -> int:
        return len(np.unique(self.patients))

    @property
    def task(self) -> Literal["segmentation", "classification"] | None:
        """What the targets are for: masks before labels; ``None`` where there are neither."""
        if self.masks is not None:
            return "segmentation"
        return "classification" if self.labels is not None else None

    @property
    def fingerprint(self) -> str:
        """SHA-256 of pictures, targets and patients: the same content has the same fingerprint."""
        digest = hashlib.sha256()
        for array in (self.images, self.masks, self.labels):
            if array is not None:
                digest.update(str((array.dtype.str, array.shape)).encode())
                digest.update(np.ascontiguousarray(array).tobytes())
        digest.update("\n".join(self.patients.astype(str)).encode())
        return digest.hexdigest()

    def subset(self, index: np.ndarray) -> SliceSet:
        """The slices at these positions (integers or a boolean mask), in this order."""

        def pick(array: np.ndarray | None) -> np.ndarray | None:
            return None if array is None else array[index]

        return replace(
            self,
            images=self.images[index],
            patients=self.patients[index],
            masks=pick(self.masks),
            labels=pick(self.labels),
            split=pick(self.split),
            groups={name: of[index] for name, of in self.groups.items()},
        )
