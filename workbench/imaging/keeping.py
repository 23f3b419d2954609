"""Slices made in memory, kept as a file, so that a run can name its data and be repeated."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np

from workbench.imaging.sliceset import SliceSet
from workbench.runs.workspace import workspace


def keep(slices: SliceSet) -> Path:
    """Write a set to the workspace in the workbench's own npz layout; the same content once.

    Returns:
        The file, named by the set and a hash of its fingerprint, split and groups.
    """
    folder = workspace() / "sets"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{slices.name}-{_mark(slices)}.npz"
    if path.exists():
        return path
    arrays: dict[str, Any] = {
        **slices.groups,
        "images": slices.images[:, 0],
        "masks": None if slices.masks is None else slices.masks[:, 0],
        "labels": slices.labels,
        "patient": slices.patients,
        "split": slices.split,
        "classes": np.array(slices.classes) if slices.classes else None,
        "spacing_mm": slices.spacing_mm,
        "window": None if slices.window is None else (slices.window.low, slices.window.high),
    }
    partial = path.with_suffix(f".{os.getpid()}.tmp")
    with partial.open("wb") as file:
        np.savez_compressed(file, **{name: a for name, a in arrays.items() if a is not None})
    os.replace(partial, path)
    return path


def _mark(slices: SliceSet) -> str:
    columns = {"split": slices.split, **slices.groups}
    texts = [f"{name} {column.tolist()}" for name, column in columns.items() if column is not None]
    return hashlib.sha256("\n".join([slices.fingerprint, *texts]).encode()).hexdigest()[:12]
