"""What a finished network says of every slice and every unit: the signals that attacks compare."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from workbench.dpsgd.sampler import Units
from workbench.imaging.sliceset import SliceSet
from workbench.models.losses import Task, foreground, record_losses
from workbench.training.plan import targets_of

_AT_ONCE = 64
# A float64 cannot tell 1 from what lies nearer to it.
_NEAREST = 1e-15


def slice_signals(
    network: nn.Module, task: Task, slices: SliceSet, signal: str
) -> Iterator[np.ndarray]:
    """The signal of every slice, a few at a time.

    All signals are log-odds of a confidence in (0, 1), so that they are about normal over
    trainings (Carlini et al. 2022): of the true class's probability, of exp(-loss), or of the
    soft Dice overlap of the foreground.

    Args:
        network: with its finished weights; put into evaluation mode.
        task: that it was trained for.
        slices: with targets of the task.
        signal: a key of ``config.SIGNALS`` that fits the task.

    Yields:
        float64 ``(B,)``, in the order of the slices.
    """
    network.eval()
    device = next(network.parameters()).device
    for index in np.array_split(np.arange(len(slices)), max(1, len(slices) // _AT_ONCE)):
        with torch.no_grad():
            outputs = network(torch.from_numpy(slices.images[index]).to(device)).double().cpu()
        yield _signals(task, outputs, targets_of(task, slices, index), signal).numpy()


def unit_signals(signals: np.ndarray, units: Units) -> np.ndarray:
    """Means over the slices of each unit, ``(count,)``, of signals ``(N,)``."""
    totals = np.bincount(units.of_record, weights=signals, minlength=units.count)
    return totals / np.bincount(units.of_record, minlength=units.count)


def _signals(task: Task, outputs: Tensor, targets: Tensor, signal: str) -> Tensor:
    if signal == "logit":
        # By way of the probability it would be rounded to infinity.
        at = targets[:, None]
        others = outputs.scatter(1, at, -torch.inf).logsumexp(dim=1)
        return outputs.gather(1, at)[:, 0] - others
    if signal == "loss":
        losses = record_losses(task, outputs, targets).clamp(min=_NEAREST)
        return -(losses + torch.log(-torch.expm1(-losses)))
    return _overlap(foreground(task, outputs), (targets[:, 0] > 0).double())


def _overlap(probabilities: Tensor, wanted: Tensor) -> Tensor:
    overlap = (probabilities * wanted).sum(dim=(1, 2))
    total = (probabilities + wanted).sum(dim=(1, 2))
    # As in the loss, one pixel more: an empty mask that is met scores 1.
    dice = (2 * overlap + 1) / (total + 1)
    return torch.logit(dice, eps=_NEAREST)
