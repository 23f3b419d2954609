"""What a score is worth: what somebody reaches who has never looked at the picture."""

from __future__ import annotations

import math
import threading
from functools import partial
from typing import Final, NamedTuple

import numpy as np

from workbench.errors import BadInput
from workbench.imaging.load import load
from workbench.imaging.sliceset import SliceSet
from workbench.imaging.splits import train_val
from workbench.training.config import TrainConfig
from workbench.training.hausdorff import hausdorff95

MEAN_MASK: Final = "predict the mean mask"
CHANCE: Final = "chance"

_THRESHOLDS: Final = np.linspace(0.02, 1.0, 50)

_known: dict[tuple[object, ...], tuple[Baseline, ...]] = {}
_computing: Final = threading.Lock()


class Baseline(NamedTuple):
    """A score that needs no network.

    Attributes:
        name: what is done instead (:data:`MEAN_MASK`, :data:`CHANCE`).
        value: in the metric's own unit.
        words: how it was found, in a sentence.
    """

    name: str
    value: float
    words: str


def baselines_of(config: TrainConfig, metric: str) -> tuple[Baseline, ...]:
    """The baselines for trainings like this one, computed once for the same data and split.

    Reads the data, which may take a while. The mean mask is that of the training patients and is
    not private; who publishes its score on private data has published something of them.

    Args:
        config: of any of the trainings; its seed does not matter.
        metric: as in ``scores.METRICS``.

    Raises:
        BadInput: the data cannot be read, or have no targets for the task.
    """
    slices = load(config.data, size=config.image_size)
    task = config.task or slices.task
    key = (slices.fingerprint, task, config.split_seed, config.patients, metric)
    with _computing:
        if key not in _known:
            train, validation = train_val(slices, seed=config.split_seed, patients=config.patients)
            _known[key] = baselines(train, validation, task, metric)
        return _known[key]


def baselines(
    train: SliceSet, validation: SliceSet, task: str | None, metric: str
) -> tuple[Baseline, ...]:
    """The baselines that a metric has; none for the calibration error, as a constant may have any.

    Args:
        train: slices that may be learned from.
        validation: slices that are scored.
        task: ``"segmentation"`` or ``"classification"``.
        metric: as in ``scores.METRICS``.

    Raises:
        BadInput: the slices have no masks to compare with.
    """
    if task == "segmentation" and metric in _OF_ONE_MASK:
        value = _OF_ONE_MASK[metric](mean_mask(train), validation)
        said = (
            "the one mask that fits the training patients best, said of every picture; "
            "found without privacy"
        )
        return (Baseline(MEAN_MASK, value, said),) if math.isfinite(value) else ()
    chance = {
        "auroc": (0.5, "scores drawn blindly rank half of the pairs right"),
        "mcc": (0.0, "labels drawn blindly agree with the true ones no more than by accident"),
        "balanced_accuracy": (
            1 / max(len(validation.classes), 2),
            "labels drawn blindly are right once in as many times as there are classes",
        ),
    }
    return (Baseline(CHANCE, *chance[metric]),) if metric in chance else ()


def mean_mask(train: SliceSet) -> np.ndarray:
    """The best thing to say of every picture alike: the mean training mask, cut where it fits best.

    A pixel gets its most frequent foreground class where that is frequent enough; how frequent is
    chosen by the mean Dice on the same training slices.

    Args:
        train: with masks.

    Returns:
        uint8 ``(H, W)``, class indices.

    Raises:
        BadInput: there are no masks.
    """
    shares = np.stack([(truth > 0).mean(axis=0) for truth in _truths(train)])
    first = np.where(shares.max(axis=0) > 0, 1 + shares.argmax(axis=0), 0)
    cut = [np.where(shares.max(axis=0) >= least, first, 0) for least in _THRESHOLDS]
    best = max(cut, key=partial(_dice, truths=_truths(train)))
    return best.reshape(train.height, train.width).astype(np.uint8)


def constant_dice(mask: np.ndarray, slices: SliceSet) -> float:
    """Mean Dice of one mask for every slice, counted as ``training.metrics.dice`` counts.

    Args:
        mask: ``(H, W)``, class indices.
        slices: with masks of this size.

    Returns:
        In [0, 1]; a slice where a class is neither present nor predicted counts as 1.

    Raises:
        BadInput: the slices have no masks.
    """
    return _dice(mask.ravel(), truths=_truths(slices))


def constant_global_dice(mask: np.ndarray, slices: SliceSet) -> float:
    """Dice of one mask for every slice, all slices as one picture; as :func:`constant_dice`."""
    everything = [truth.reshape(1, -1) for truth in _truths(slices)]
    return _dice(np.tile(mask.ravel(), len(slices)), truths=everything)


def constant_hausdorff(mask: np.ndarray, slices: SliceSet) -> float:
    """Mean 95 % Hausdorff distance of one mask for every slice, as ``training.metrics`` has it.

    Args:
        mask: ``(H, W)``, class indices.
        slices: with masks of this size.

    Returns:
        In millimetres where the size of a pixel is known, else in pixels; not a number where
        nothing is outlined.

    Raises:
        BadInput: the slices have no masks.
    """
    shape = (len(slices), *mask.shape)
    each = np.stack(
        [
            hausdorff95(
                np.broadcast_to(mask == number, shape),
                truth.reshape(shape) > 0,
                slices.spacing_mm,
            )
            for number, truth in enumerate(_truths(slices), start=1)
        ]
    )
    there = each[np.isfinite(each)]
    return float(there.mean()) if len(there) else math.nan


_OF_ONE_MASK = {
    "dice": constant_dice,
    "dice_global": constant_global_dice,
    "hausdorff95": constant_hausdorff,
}


def _truths(slices: SliceSet) -> list[np.ndarray]:
    """Where each foreground class is: float32 ``(N, H * W)`` of 0 and 1."""
    if slices.masks is None:
        raise BadInput(f"{slices.name} has no masks to take the mean of.", field="data")
    classes = max(len(slices.classes), int(slices.masks.max()) + 1, 2)
    flat = slices.masks.reshape(len(slices), -1)
    return [(flat == one).astype(np.float32) for one in range(1, classes)]


def _dice(said: np.ndarray, *, truths: list[np.ndarray]) -> float:
    each = []
    for number, truth in enumerate(truths, start=1):
        mine = (said == number).astype(np.float32)
        sizes = truth.sum(axis=1) + mine.sum()
        each.append(np.where(sizes > 0, 2 * (truth @ mine) / np.maximum(sizes, 1), 1.0))
    return float(np.mean(each))
