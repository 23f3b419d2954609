"""The loss of each record, the same for training and for attacks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

Task = Literal["segmentation", "classification"]

Loss = Callable[[Tensor, Tensor], Tensor]
"""A person's own loss: from outputs ``(1, ...)`` and targets ``(1, ...)`` of one record to a
scalar, such as ``torch.nn.CrossEntropyLoss()``."""


def record_losses(task: Task | Loss, outputs: Tensor, targets: Tensor) -> Tensor:
    """One loss per record, with no term that mixes records.

    Args:
        task: ``"classification"``: cross-entropy. ``"segmentation"``: cross-entropy averaged over
            pixels plus the soft Dice loss of the foreground (Milletari et al. 2016), each record
            by itself. A loss of one's own is applied to record after record.
        outputs: logits, ``(B, classes)``; for masks ``(B, 1, H, W)`` with two classes, else
            ``(B, classes, H, W)``.
        targets: int64 ``(B,)``; for masks class indices ``(B, 1, H, W)``, or probabilities in
            [0, 1] of the same shape where there are two classes (an attacker's guess).

    Returns:
        ``(B,)``.
    """
    if callable(task):
        each = [task(outputs[i : i + 1], targets[i : i + 1]) for i in range(len(outputs))]
        return torch.stack([loss.reshape(()) for loss in each])
    if task == "classification":
        return F.cross_entropy(outputs, targets, reduction="none")
    if outputs.shape[1] == 1:
        wanted = targets.to(outputs.dtype)
        entropy = F.binary_cross_entropy_with_logits(outputs, wanted, reduction="none")
        return entropy.mean(dim=(1, 2, 3)) + _soft_dice(outputs.sigmoid(), wanted)
    classes = targets.squeeze(1).long()
    entropy = F.cross_entropy(outputs, classes, reduction="none").mean(dim=(1, 2))
    wanted = F.one_hot(classes, outputs.shape[1]).movedim(-1, 1).to(outputs.dtype)
    return entropy + _soft_dice(outputs.softmax(dim=1)[:, 1:], wanted[:, 1:])


def _soft_dice(probabilities: Tensor, wanted: Tensor) -> Tensor:
    pixels = (2, 3)
    overlap = (probabilities * wanted).sum(dim=pixels)
    total = probabilities.sum(dim=pixels) + wanted.sum(dim=pixels)
    # One pixel is added above and below, so that an empty mask has a loss and a gradient.
    dice: Tensor = 1 - (2 * overlap + 1) / (total + 1)
    return dice.mean(dim=1)


def foreground(task: Task, outputs: Tensor) -> Tensor:
    """Probabilities for people: of any foreground ``(B, H, W)``, or per class ``(B, classes)``."""
    if task == "classification":
        return outputs.softmax(dim=1)
    if outputs.shape[1] == 1:
        return torch.sigmoid(outputs[:, 0])
    return 1 - outputs.softmax(dim=1)[:, 0]
