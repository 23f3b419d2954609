"""How good a network is, in the numbers of the field."""

from __future__ import annotations

import numpy as np
import torch
from monai.metrics.meandice import compute_dice
from monai.networks.utils import one_hot
from sklearn.metrics import matthews_corrcoef, roc_auc_score
from torch import Tensor

from workbench.models.losses import Task


def scores(task: Task, outputs: Tensor, targets: Tensor) -> dict[str, float]:
    """Scores of a network's outputs on records it was not trained on.

    Args:
        task: what was predicted.
        outputs: logits as in ``models.losses``.
        targets: int64 ``(N,)``, or uint8 ``(N, 1, H, W)`` class indices.

    Returns:
        Segmentation: ``dice``, the mean over slices and foreground classes in [0, 1]; a slice
        where a class is neither present nor predicted counts as 1. Classification: ``auroc``
        (one against the rest where there are several classes), ``balanced_accuracy`` in [0, 1],
        ``mcc`` in [-1, 1]; ``auroc`` is not a number where only one class is present.
    """
    if task == "segmentation":
        return {"dice": dice(outputs, targets)}
    return _classification_scores(outputs.softmax(dim=1).numpy(), targets.numpy(), outputs.shape[1])


def dice(outputs: Tensor, targets: Tensor) -> float:
    """Mean Dice of the most probable class against the mask; shapes as in :func:`scores`."""
    classes = max(outputs.shape[1], 2)
    predicted = (
        (outputs > 0).long() if outputs.shape[1] == 1 else outputs.argmax(dim=1, keepdim=True)
    )
    each = compute_dice(
        one_hot(predicted, classes),
        one_hot(targets.long(), classes),
        include_background=False,
        ignore_empty=False,
    )
    return float(torch.nanmean(each))


def _classification_scores(
    probabilities: np.ndarray, labels: np.ndarray, classes: int
) -> dict[str, float]:
    predicted = probabilities.argmax(axis=1)
    present = np.unique(labels)
    auroc = float("nan")
    if len(present) == classes:
        ranked = probabilities[:, 1] if classes == 2 else probabilities
        auroc = float(roc_auc_score(labels, ranked, multi_class="ovr", labels=np.arange(classes)))
    # The mean recall of the classes present; sklearn warns where a class was only predicted.
    recalls = [float((predicted[labels == c] == c).mean()) for c in present]
    return {
        "auroc": auroc,
        "balanced_accuracy": float(np.mean(recalls)),
        "mcc": float(matthews_corrcoef(labels, predicted)),
    }
