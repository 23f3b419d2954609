"""From per-record losses to the one gradient that leaves the patients' side.

Training and attacks use the same two engines, so the gradient that an attack sees is the gradient
of training. An engine is fed losses chunk by chunk (``accumulate``), then writes the gradient of
the whole draw into ``parameter.grad`` (``release``).
"""

from __future__ import annotations

import warnings
from typing import Any, Protocol

import numpy as np
import torch
from opacus.grad_sample import GradSampleModule
from opacus.optimizers import DPOptimizer
from torch import Tensor, nn

from workbench.dpsgd.randomness import RandomStream, gaussian_noise, round_to_grid
from workbench.errors import BadInput


class GradientEngine(Protocol):
    """Turns losses of records into the gradient of a step."""

    model: nn.Module
    """What to call for a forward pass; shares its parameters with the network given."""

    def accumulate(self, losses: Tensor, unit_of_record: np.ndarray) -> None:
        """Add the records of one chunk.

        Args:
            losses: ``(B,)``, one loss per record, still attached to the graph.
            unit_of_record: int ``(B,)``, which privacy unit each record belongs to. All records
                of a unit must come in one chunk.
        """

    def release(self) -> None:
        """Write the gradient of all chunks into ``parameter.grad`` and start afresh."""

    def detach(self) -> None:
        """Give the network back as it was, without hooks."""


class PlainEngine:
    """The ordinary mean gradient: nothing is clipped, nothing added, nothing promised."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self._records = 0

    def accumulate(self, losses: Tensor, unit_of_record: np.ndarray) -> None:
        del unit_of_record
        self._records += len(losses)
        losses.sum().backward()

    def release(self) -> None:
        for parameter in _trainable(self.model):
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            parameter.grad /= max(self._records, 1)
        self._records = 0

    def detach(self) -> None:
        """Nothing was changed."""


class OpacusEngine:
    """Gradients of DP-SGD by Opacus' per-record hooks (Abadi et al. 2016, Algorithm 1).

    The gradients of a unit's records are averaged, the average is clipped to ``max_grad_norm``
    once, the clipped gradients are summed, Gaussian noise of standard deviation
    ``noise_multiplier * max_grad_norm`` is added to the sum, and the result is divided by
    ``expected_units``: a public number, never the number of units that were drawn.
    Units with a gradient that is not finite count as zero.

    Args:
        model: the network, fit for per-record gradients (``models.fitness``).
        max_grad_norm: C, > 0.
        noise_multiplier: sigma, >= 0.
        expected_units: sample rate times number of units, > 0.
        stream: where the noise comes from.

    Raises:
        BadInput: Opacus cannot take this network.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        max_grad_norm: float,
        noise_multiplier: float,
        expected_units: float,
        stream: RandomStream,
    ) -> None:
        try:
            self._recorder = GradSampleModule(model, loss_reduction="sum")
        except NotImplementedError as error:
            raise BadInput(
                f"This network cannot be trained record by record: {error}", field="model"
            ) from None
        self._noisy = _NoisyOptimizer(
            torch.optim.SGD(_trainable(model), lr=1.0),
            noise_multiplier=noise_multiplier,
            max_grad_norm=max_grad_norm,
            expected_batch_size=None,
            loss_reduction="sum",
        )
        self._noisy.stream = stream
        self._expected_units = expected_units
        self.model: nn.Module = self._recorder

    def accumulate(self, losses: Tensor, unit_of_record: np.ndarray) -> None:
        with warnings.catch_warnings():
            # Hooks on a first layer see no gradient of the input; they do not need it.
            warnings.filterwarnings("ignore", message="Full backward hook is firing")
            losses.sum().backward()
        _average_by_unit(self._noisy.params, unit_of_record)
        self._noisy.clip_and_accumulate()
        for parameter in self._noisy.params:
            parameter.grad_sample = None

    def release(self) -> None:
        for parameter in self._noisy.params:
            if parameter.summed_grad is None:
                parameter.summed_grad = torch.zeros_like(parameter)
        self._noisy.add_noise()
        for parameter in self._noisy.params:
            parameter.summed_grad = None
            parameter.grad /= self._expected_units

    def detach(self) -> None:
        self._recorder.to_standard_module()


class _NoisyOptimizer(DPOptimizer):
    """Opacus' clipping and summing with our noise: float64, secure or seeded, on a fixed grid."""

    stream: RandomStream

    def add_noise(self) -> None:
        std = self.noise_multiplier * self.max_grad_norm
        for parameter in self.params:
            total = parameter.summed_grad.detach().double().flatten().cpu().numpy()
            noisy = round_to_grid(total + gaussian_noise(self.stream, len(total), std), std)
            parameter.grad = torch.from_numpy(noisy).to(parameter).view_as(parameter)


def _trainable(model: nn.Module) -> list[nn.Parameter]:
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def _average_by_unit(parameters: list[Any], unit_of_record: np.ndarray) -> None:
    """Replace per-record gradients ``(B, ...)`` by per-unit means; non-finite units become zero."""
    _, index, counts = np.unique(unit_of_record, return_inverse=True, return_counts=True)
    finite = torch.ones(len(counts), dtype=torch.bool)
    for parameter in parameters:
        means = parameter.grad_sample
        if len(counts) < len(index):
            shape = (len(counts), *means.shape[1:])
            sums = means.new_zeros(shape).index_add_(0, torch.as_tensor(index), means)
            means = sums / torch.as_tensor(counts).to(means).view(-1, *[1] * (means.ndim - 1))
        parameter.grad_sample = means
        finite &= torch.isfinite(means).flatten(1).all(dim=1).cpu()
    if not finite.all():
        for parameter in parameters:
            parameter.grad_sample[~finite.to(parameter.device)] = 0
