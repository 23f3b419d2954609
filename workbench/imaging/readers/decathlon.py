"""A task folder of the Medical Segmentation Decathlon: imagesTr, labelsTr, dataset.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from workbench.errors import BadInput
from workbench.imaging.readers.nifti import check_volumes_fit, is_nifti, with_slices
from workbench.imaging.readers.nifti_volume import read_volume
from workbench.imaging.readers.request import Request
from workbench.imaging.readers.volume import slice_set
from workbench.imaging.sliceset import SliceSet


def recognises(path: Path) -> bool:
    """A folder with imagesTr and labelsTr."""
    return (path / "imagesTr").is_dir() and (path / "labelsTr").is_dir()


def read(request: Request) -> SliceSet:
    """The training volumes; class names come from dataset.json.

    Each volume is one patient, of whom the slices with foreground are kept. ``#label=1+2`` makes
    one class of those label values, and names it after them.

    Raises:
        BadInput: dataset.json cannot be read, a volume has no mask, a mask has an unknown label.
    """
    task = _description(request.path)
    pairs = _pairs(request.path)
    check_volumes_fit(request.path, [image for image, _ in pairs], request.size)
    names = _label_names(request.path, task)
    hounsfield = _is_ct(task)
    seen: set[int] = set()
    volumes = []
    for number, (image, mask) in enumerate(pairs, start=1):

        def to_classes(values: np.ndarray, mask: Path = mask) -> np.ndarray:
            seen.update(np.unique(values).tolist())
            return _as_classes(mask, values, request.labels, len(names))

        volumes.append(
            read_volume((image, mask), image.name.split(".")[0], size=request.size,
                        to_classes=to_classes, hounsfield=hounsfield)
        )  # fmt: skip
        request.tell(number, len(pairs))
    return slice_set(
        request.path.name,
        with_slices(request.path, volumes, request.labels, seen),
        size=request.size,
        classes=_chosen_names(names, request.labels),
        provenance=f"Medical Segmentation Decathlon, {task.get('name', request.path.name)}: "
        f"{len(pairs)} volumes, each one patient.",
    )


def _description(folder: Path) -> dict[str, Any]:
    file = folder / "dataset.json"
    try:
        task = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInput(
            f"{folder}: dataset.json is missing; it names the labels, so fetch it with the task.",
            field="data",
        ) from None
    except (ValueError, OSError) as error:
        raise BadInput(f"{file}: it cannot be read as JSON ({error}).", field="data") from error
    if not isinstance(task, dict):
        raise BadInput(f"{file}: it must hold one JSON object.", field="data")
    return task


def _pairs(folder: Path) -> list[tuple[Path, Path]]:
    images = sorted(file for file in (folder / "imagesTr").iterdir() if is_nifti(file))
    if not images:
        raise BadInput(f"{folder / 'imagesTr'}: there is no NIfTI volume in it.", field="data")
    pairs = [(image, folder / "labelsTr" / image.name) for image in images]
    missing = [image.name for image, mask in pairs if not mask.is_file()]
    if missing:
        raise BadInput(
            f"{folder / 'labelsTr'}: there is no mask for {missing[0]}"
            + (f" and {len(missing) - 1} more." if len(missing) > 1 else "."),
            field="data",
        )
    return pairs


def _label_names(folder: Path, task: dict[str, Any]) -> tuple[str, ...]:
    try:
        by_value = {int(value): str(name) for value, name in task["labels"].items()}
    except (KeyError, AttributeError, ValueError) as error:
        raise BadInput(
            f"{folder / 'dataset.json'}: its 'labels' must name each label value, as in "
            '{"0": "background", "1": "liver"}.',
            field="data",
        ) from error
    if sorted(by_value) != list(range(len(by_value))):
        raise BadInput(
            f"{folder / 'dataset.json'}: label values must run from 0 without a gap, "
            f"not {sorted(by_value)}.",
            field="data",
        )
    return tuple(by_value[value] for value in range(len(by_value)))


def _is_ct(task: dict[str, Any]) -> bool | None:
    modality = task.get("modality")
    first = modality.get("0") if isinstance(modality, dict) else None
    return None if first is None else str(first).upper() == "CT"


def _as_classes(file: Path, values: np.ndarray, labels: tuple[int, ...], count: int) -> np.ndarray:
    if values.min() < 0 or values.max() >= count:
        raise BadInput(
            f"{file}: label {int(values.max())} has no name in dataset.json, "
            f"which knows 0 to {count - 1}.",
            field="data",
        )
    return np.isin(values, labels) if labels else values


def _chosen_names(names: tuple[str, ...], labels: tuple[int, ...]) -> tuple[str, ...]:
    if not labels:
        return names
    return (names[0], "+".join(names[v] if v < len(names) else str(v) for v in labels))
