"""How good a network is, in the numbers of the field."""

from __future__ import annotations

import numpy as np
import torch
from monai.metrics.meandice import compute_dice
from monai.networks.utils import one_hot
from sklearn.metrics import matthews_corrcoef, roc_auc_score
from torch import Tensor

from workbench.models.losses import Task
from workbench.training.calibration import calibration_error
from workbench.training.hausdorff import hausdorff95


def scores(
    task: Task,
    outputs: Tensor,
    targets: Tensor,
    *,
    spacing_mm: tuple[float, float] | None = None,
) -> dict[str, float]:
    """Scores of a network's outputs on records it was not trained on.

    Args:
        task: what was predicted.
        outputs: logits as in ``models.losses``.
        targets: int64 ``(N,)``, or uint8 ``(N, 1, H, W)`` class indices.
        spacing_mm: height and width of a pixel, where known.

    Returns:
        Segmentation: ``dice``, the mean over slices and foreground classes in [0, 1], where a
        class that is neither present nor predicted counts as 1; ``dice_global``, the Dice of all
        slices taken as one picture, in [0, 1] (Bilic et al. 2023, "Dice global"), in which small
        outlines count little; ``hausdorff95``, the mean 95 %
        Hausdorff distance in millimetres, or in pixels without ``spacing_mm``, over the slices
        and classes where there is one (:func:`hausdorff95`). Classification: ``auroc`` (one
        against the rest where there are several classes), ``balanced_accuracy`` in [0, 1],
        ``mcc`` in [-1, 1]. Both: ``ece``, the expected calibration error of the most probable
        class in [0, 1], for masks over all pixels, of which the easy background are the most.
        Not a number: ``auroc`` where only one class is present, ``hausdorff95`` where nothing
        is present or predicted.
    """
    outputs = outputs.float()
    if task == "segmentation":
        return {
            "dice": dice(outputs, targets),
            "dice_global": global_dice(outputs, targets),
            "hausdorff95": hausdorff(outputs, targets, spacing_mm),
            "ece": _calibration(outputs, targets[:, 0]),
        }
    found = _classification_scores(outputs.softmax(dim=1).numpy(), targets.numpy())
    return {**found, "ece": _calibration(outputs, targets)}


def dice(outputs: Tensor, targets: Tensor) -> float:
    """Mean Dice of the most probable class against the mask; shapes as in :func:`scores`."""
    classes = max(outputs.shape[1], 2)
    each = compute_dice(
        one_hot(_predicted(outputs)[:, None], classes),
        one_hot(targets.long(), classes),
        include_background=False,
        ignore_empty=False,
    )
    return float(torch.nanmean(each))


def global_dice(outputs: Tensor, targets: Tensor) -> float:
    """Dice of all slices as one picture, mean over classes; shapes as in :func:`scores`."""
    # One behind the other the slices are one tall picture.
    shape = (1, outputs.shape[1], -1, outputs.shape[-1])
    tall = outputs.movedim(1, 0).reshape(shape)
    return dice(tall, targets.reshape(1, 1, -1, targets.shape[-1]))


def hausdorff(
    outputs: Tensor, targets: Tensor, spacing_mm: tuple[float, float] | None = None
) -> float:
    """Mean 95 % Hausdorff distance of the foreground classes; shapes as in :func:`scores`."""
    predicted, truth = _predicted(outputs).numpy(), targets[:, 0].numpy()
    classes = range(1, max(outputs.shape[1], 2))
    each = np.array([hausdorff95(predicted == c, truth == c, spacing_mm) for c in classes])
    there = each[np.isfinite(each)]
    return float(there.mean()) if len(there) else float("nan")


def auroc(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Area under the ROC curve; not a number unless every class is present.

    Args:
        probabilities: ``(N, classes)``.
        labels: int ``(N,)``.
    """
    classes = probabilities.shape[1]
    if len(np.unique(labels)) < classes:
        return float("nan")
    ranked = probabilities[:, 1] if classes == 2 else probabilities
    return float(roc_auc_score(labels, ranked, multi_class="ovr", labels=np.arange(classes)))


def _predicted(outputs: Tensor) -> Tensor:
    """Most probable class of each pixel, int64 ``(N, H, W)``, or of each slice, ``(N,)``."""
    if outputs.ndim == 4 and outputs.shape[1] == 1:
        return (outputs[:, 0] > 0).long()
    return outputs.argmax(dim=1)


def _calibration(outputs: Tensor, targets: Tensor) -> float:
    alone = outputs.ndim == 4 and outputs.shape[1] == 1
    # The probability of the sign of a logit, without the rounding of 1 - p.
    confidence = outputs[:, 0].abs().sigmoid() if alone else outputs.softmax(dim=1).amax(dim=1)
    right = _predicted(outputs) == targets
    return calibration_error(confidence.numpy().ravel(), right.numpy().ravel())


def _classification_scores(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    predicted = probabilities.argmax(axis=1)
    # The mean recall of the classes present; sklearn warns where a class was only predicted.
    recalls = [float((predicted[labels == c] == c).mean()) for c in np.unique(labels)]
    # By definition 0 where all is one class; scikit-learn warns of it.
    alone = len(np.unique([labels, predicted])) == 1
    return {
        "auroc": auroc(probabilities, labels),
        "balanced_accuracy": float(np.mean(recalls)),
        "mcc": 0.0 if alone else float(matthews_corrcoef(labels, predicted)),
    }
