"""Scores of one group of validation patients at a time: who pays for privacy."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from workbench.imaging.sliceset import SliceSet
from workbench.models.losses import Task
from workbench.training.metrics import auroc, scores

_THIRDS = ("smallest third", "middle third", "largest third")
_FEWEST_FOR_THIRDS = 6
"""Patients: below two in a third there is nothing to compare."""


def groupings(task: Task, slices: SliceSet) -> dict[str, np.ndarray]:
    """How these slices fall into groups.

    Args:
        task: what is predicted.
        slices: those that validate.

    Returns:
        By name of the grouping the group of each slice, str ``(N,)``, empty where unknown: the
        set's own groups, and for masks ``"size"``, thirds of the patients by the mean area of
        their masks, where there are six patients or more. Groupings with one group are left out.
    """
    every = dict(slices.groups)
    if task == "segmentation" and slices.masks is not None:
        every.setdefault("size", _thirds(slices.patients, (slices.masks > 0).sum(axis=(1, 2, 3))))
    return {name: of for name, of in every.items() if len(set(of.tolist()) - {""}) > 1}


def group_scores(
    task: Task,
    outputs: Tensor,
    targets: Tensor,
    slices: SliceSet,
) -> dict[str, dict[str, float]]:
    """Scores of each group by itself.

    A group may have slices of one class only, such as all X-rays with a virus, and then no AUROC
    of its own: it is ranked against the slices of all other classes in the whole set, and its
    balanced accuracy is the share of it that is recognised. Where it has all classes, it is
    ranked within itself.

    Args:
        task: what was predicted.
        outputs: logits of all slices, as ``training.metrics.scores`` takes them.
        targets: of all slices.
        slices: those that validate.

    Returns:
        ``"cause: virus"`` to the scores there are, to ``"count"``, its slices, and to
        ``"patients"``.
    """
    found = {}
    for name, of in groupings(task, slices).items():
        for group in sorted(set(of.tolist()) - {""}, key=_order):
            inside = of == group
            found[f"{name}: {group}"] = {
                **_scores(task, outputs, targets, inside, slices.spacing_mm),
                "count": int(inside.sum()),
                "patients": len(np.unique(slices.patients[inside])),
            }
    return found


def _scores(
    task: Task,
    outputs: Tensor,
    targets: Tensor,
    inside: np.ndarray,
    spacing_mm: tuple[float, float] | None,
) -> Mapping[str, float]:
    index = torch.from_numpy(np.flatnonzero(inside))
    found = scores(task, outputs[index], targets[index], spacing_mm=spacing_mm)
    if task == "classification":
        labels = targets.numpy()
        present = np.unique(labels[inside])
        if len(present) == 1:
            del found["mcc"]  # of one class it is 0 by definition and says nothing
        others = inside | ~np.isin(labels, present)
        found["auroc"] = auroc(outputs.float().softmax(dim=1).numpy()[others], labels[others])
    return {name: value for name, value in found.items() if np.isfinite(value)}


def _thirds(patients: np.ndarray, areas: np.ndarray) -> np.ndarray:
    known, of_slice = np.unique(patients, return_inverse=True)
    if len(known) < _FEWEST_FOR_THIRDS:
        return np.full(len(patients), "")
    mean = np.bincount(of_slice, weights=areas) / np.bincount(of_slice)
    rank = np.empty(len(known), int)
    rank[np.argsort(mean, kind="stable")] = np.arange(len(known))
    return np.array(_THIRDS)[3 * rank[of_slice] // len(known)]


def _order(group: str) -> tuple[int, str]:
    return _THIRDS.index(group) if group in _THIRDS else -1, group
