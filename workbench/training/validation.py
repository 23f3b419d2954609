"""Trying the network on patients it was not trained on."""

from __future__ import annotations

import numpy as np
import torch

from workbench.models.attribution import attribution
from workbench.models.losses import foreground, record_losses
from workbench.training.events import Preview, Validated
from workbench.training.metrics import scores
from workbench.training.plan import Plan, targets_of
from workbench.training.subgroups import group_scores

_AT_ONCE = 32
_WHILE_TRAINING = 96
_SHOWN = 3


def validate(plan: Plan, step: int, *, everything: bool) -> Validated:
    """Loss and scores now.

    Args:
        plan: the training, its network as it stands.
        step: steps taken.
        everything: all validation slices, and their groups; otherwise at most 96, evenly over
            the patients, so that a large set does not slow training down.
    """
    index = np.arange(len(plan.validation))
    if not everything and len(index) > _WHILE_TRAINING:
        index = index[np.linspace(0, len(index) - 1, _WHILE_TRAINING).astype(int)]
    targets = targets_of(plan.task, plan.validation, index)
    plan.model.eval()
    with torch.no_grad():
        outputs = torch.cat(
            [plan.model(_images(plan, part)).cpu() for part in np.split(index, _cuts(len(index)))]
        )
    plan.model.train()
    losses = record_losses(plan.task, outputs, targets)
    return Validated(
        step=step,
        loss=float(losses.mean()),
        scores=scores(plan.task, outputs, targets, spacing_mm=plan.validation.spacing_mm),
        groups=group_scores(plan.task, outputs, targets, plan.validation) if everything else {},
    )


def preview(plan: Plan, step: int) -> Preview:
    """What the network says about three slices of three validation patients, and why."""
    index = shown_slices(plan)
    images = _images(plan, index)
    plan.model.eval()
    with torch.no_grad():
        said = foreground(plan.task, plan.model(images)).cpu().numpy()
    plan.model.train()
    truths = targets_of(plan.task, plan.validation, index).numpy().astype(np.uint8)
    segmentation = plan.task == "segmentation"
    return Preview(
        step=step,
        images=(255 * images[:, 0].cpu().numpy()).astype(np.uint8),
        truths=truths[:, 0] if segmentation else truths,
        predictions=(255 * said).astype(np.uint8) if segmentation else said.astype(np.float32),
        attributions=attribution(plan.model, plan.task, images),
    )


def shown_slices(plan: Plan) -> np.ndarray:
    """Up to three validation slices of different patients; with masks, each patient's fullest."""
    fullness = np.zeros(len(plan.validation))
    if plan.task == "segmentation" and plan.validation.masks is not None:
        fullness = (plan.validation.masks > 0).sum(axis=(1, 2, 3)).astype(float)
    patients = np.unique(plan.validation.patients)
    chosen = patients[np.linspace(0, len(patients) - 1, min(_SHOWN, len(patients))).astype(int)]
    of_patient = [np.flatnonzero(plan.validation.patients == patient) for patient in chosen]
    return np.array([slices[fullness[slices].argmax()] for slices in of_patient])


def _images(plan: Plan, index: np.ndarray) -> torch.Tensor:
    device = next(plan.model.parameters()).device
    return torch.from_numpy(plan.validation.images[index]).to(device)


def _cuts(count: int) -> np.ndarray:
    return np.arange(_AT_ONCE, count, _AT_ONCE)
