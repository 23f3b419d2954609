"""Labels that a classifier's gradient gives away."""

from __future__ import annotations

import torch
from torch import Tensor

from workbench.attacks.knowledge import Knowledge
from workbench.attacks.observation import Observation
from workbench.errors import BadInput


def targets_for(observation: Observation, knowledge: Knowledge) -> Tensor:
    """Masks or labels as told, or the label that one record's gradient gives away.

    Raises:
        BadInput: they are neither told nor to be inferred.
    """
    if knowledge.targets is not None:
        return knowledge.targets
    if observation.loss == "classification" and observation.batch_size == 1:
        return torch.tensor([infer_label(observation)])
    what = "masks" if observation.loss == "segmentation" else "labels of several slices"
    raise BadInput(f"This attack must know the {what}; tell it.", field="mask")


def infer_label(observation: Observation) -> int:
    """The class of the one record behind a classifier's gradient (iDLG, Zhao et al. 2020).

    The last bias has the gradient softmax - one-hot: negative at the true class and nowhere else.
    Clipping does not change the sign, noise may.

    Raises:
        BadInput: the gradient is of several records, or the network has no bias at its end.
    """
    if observation.batch_size != 1:
        raise BadInput(
            f"Labels can be read off the gradient of one record, not of {observation.batch_size}; "
            "set the batch to 1.",
            field="batch",
        )
    name, gradient = list(observation.gradients.items())[-1]
    if gradient.ndim != 1:
        raise BadInput(
            f"The last layer has no bias ({name} has shape {tuple(gradient.shape)}), so the label "
            "cannot be read off its gradient; take a network with one.",
            field="model",
        )
    return int(gradient.argmin())
