"""The moving average of the weights, which private training is better judged by than by its last.

Computed from released weights alone, so it costs no privacy (De et al. 2022, section 3.3).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class WeightAverage:
    """Exponential moving average of a network's weights.

    The decay begins low, (1 + t) / (10 + t) after t steps, so that the first weights are soon
    forgotten.

    Args:
        model: whose weights are averaged.
        decay: share of the old average that stays at a step, in [0, 1); 0 keeps no average.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self._model, self._decay = model, decay
        self.tensors = (
            {name: p.detach().clone() for name, p in model.named_parameters()} if decay else {}
        )

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take the weights after this step, counted from 1, into the average."""
        if not self.tensors:
            return
        decay = min(self._decay, (1 + step) / (10 + step))
        averages = list(self.tensors.values())
        torch._foreach_lerp_(averages, list(self._model.parameters()), 1 - decay)

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from an average as a checkpoint has it."""
        for name, average in self.tensors.items():
            average.copy_(tensors[name])

    def state(self) -> dict[str, Tensor]:
        """The network's state with the average in place of its weights."""
        return {**self._model.state_dict(), **self.tensors}
