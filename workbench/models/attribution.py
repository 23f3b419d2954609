"""What a network looked at: how far each pixel spoke for what it said."""

from __future__ import annotations

import warnings

import numpy as np
from captum.attr import IntegratedGradients
from scipy.ndimage import gaussian_filter
from torch import Tensor, nn

from workbench.models.losses import Task

_STEPS = 8


def attribution(model: nn.Module, task: Task, images: Tensor) -> np.ndarray:
    """Integrated gradients (Sundararajan et al. 2017) from a black image, by captum.

    Args:
        model: the network.
        task: segmentation explains the summed foreground logit of the pixels predicted as
            foreground (of all pixels, where there are none); classification the logit of the
            most probable class.
        images: float ``(K, 1, H, W)``.

    Returns:
        int8 ``(K, H, W)``: 127 spoke most for, -127 most against, each slice to its own scale;
        smoothed over one and a half pixels.
    """
    method = IntegratedGradients(lambda x: _said(model(x), task))
    training = model.training
    model.eval()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Input Tensor .* required_grads")
        maps = method.attribute(images, n_steps=_STEPS, internal_batch_size=len(images))
    model.train(training)
    smooth = gaussian_filter(maps[:, 0].detach().cpu().numpy(), sigma=(0, 1.5, 1.5))
    largest = np.abs(smooth).max(axis=(1, 2), keepdims=True)
    scaled: np.ndarray = np.round(127 * smooth / np.maximum(largest, 1e-12)).astype(np.int8)
    return scaled


def _said(outputs: Tensor, task: Task) -> Tensor:
    if task == "classification":
        return outputs.max(dim=1).values
    logits = outputs if outputs.shape[1] == 1 else outputs[:, 1:] - outputs[:, :1]
    chosen = (logits > 0).to(logits)
    anything = chosen.flatten(1).any(dim=1).view(-1, 1, 1, 1)
    return (logits * chosen.where(anything, chosen + 1)).flatten(1).sum(dim=1)
