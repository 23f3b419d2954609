"""Labels and masks as people store them, checked and brought to class indices."""

from __future__ import annotations

import numpy as np

from workbench.errors import BadInput


def class_labels(name: str, labels: np.ndarray) -> np.ndarray:
    """One label for each slice as int64 ``(N,)``; ``(N, 1)`` is taken too.

    Raises:
        BadInput: they are not whole numbers from 0 without a gap, or several for each slice.
    """
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        raise BadInput(
            f"{name}: labels have shape {labels.shape}, but each slice needs exactly one.",
            field="data",
        )
    whole = _whole(name, "labels", labels).astype(np.int64)
    found = np.unique(whole)
    if len(found) and not np.array_equal(found, np.arange(len(found))):
        shown = ", ".join(str(value) for value in found[:8].tolist())
        raise BadInput(
            f"{name}: labels must be 0, 1, 2 and so on without a gap, not {shown}; "
            "number the classes from 0.",
            field="data",
        )
    return whole


def class_masks(name: str, masks: np.ndarray) -> np.ndarray:
    """Masks as uint8 ``(N, H, W)`` of class indices; 0 and 255 mean background and foreground.

    Raises:
        BadInput: values are not whole numbers from 0, or no pixel of any mask is foreground.
    """
    whole = _whole(name, "masks", masks)
    if whole.size and (whole.min() < 0 or whole.max() > 255):
        raise BadInput(
            f"{name}: mask values must lie between 0 and 255, "
            f"not {whole.min():g} to {whole.max():g}.",
            field="data",
        )
    if not whole.any():
        raise BadInput(
            f"{name}: no mask has any foreground; mark what is to be found with 1 or more.",
            field="data",
        )
    classes = whole.astype(np.uint8)
    if np.isin(classes, (0, 255)).all():
        return (classes > 0).astype(np.uint8)
    return classes


def _whole(name: str, what: str, values: np.ndarray) -> np.ndarray:
    numeric = values.dtype.kind in "biuf"
    if not numeric or not np.isfinite(values).all() or (values != np.rint(values)).any():
        raise BadInput(f"{name}: {what} must be whole numbers, one for a class.", field="data")
    return values


def numbered(count: int, foreground_first: bool = False) -> tuple[str, ...]:
    """Names for classes that nobody named; for masks the first is the background."""
    names = [f"class {index}" for index in range(count)]
    if foreground_first:
        names = ["background", "foreground"] if count == 2 else ["background", *names[1:]]
    return tuple(names)
