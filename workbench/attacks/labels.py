"""Labels that a classifier's gradient gives away."""

from __future__ import annotations

from workbench.attacks.observation import Observation
from workbench.errors import BadInput


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
