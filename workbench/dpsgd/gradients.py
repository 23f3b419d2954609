"""From per-record losses to the one gradient that leaves the patients' side.

Training and attacks use the same engines, so the gradient that an attack sees is the gradient of
training. An engine is fed losses chunk by chunk (``accumulate``), then writes the gradient of the
whole draw into ``parameter.grad`` (``release``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class LayerNote:
    """How an engine takes the gradients of one layer.

    Attributes:
        layer: its dotted name; empty for the network itself.
        type: of the module.
        rule: how the gradients of its parameters are taken, in words.
        parameters: how many numbers of it are trained.
    """

    layer: str
    type: str
    rule: str
    parameters: int

    def __str__(self) -> str:
        return f"{self.layer or 'network'} ({self.type}): {self.rule}"


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

    def describe(self) -> list[LayerNote]:
        """Which layer uses what; what depends on shapes is known after the first chunk."""

    def detach(self) -> None:
        """Give the network back as it was, without hooks."""


class PlainEngine:
    """The ordinary mean gradient: nothing is clipped, nothing added, nothing promised.

    Args:
        model: any network.
        reduce: adds up the sums of several processes in place; the last number of what it is
            given counts the records.
    """

    def __init__(self, model: nn.Module, *, reduce: Callable[[Tensor], None] | None = None) -> None:
        self.model = model
        self._reduce = reduce
        self._records = 0

    def accumulate(self, losses: Tensor, unit_of_record: np.ndarray) -> None:
        del unit_of_record
        self._records += len(losses)
        losses.sum().backward()

    def release(self) -> None:
        parameters = [p for p in self.model.parameters() if p.requires_grad]
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        records = self._records
        if self._reduce is not None:
            gradients, records = _added_up(gradients, records, self._reduce)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient.div_(max(records, 1))
        self._records = 0

    def describe(self) -> list[LayerNote]:
        return [
            LayerNote(
                layer="",
                type=type(self.model).__name__,
                rule="the ordinary gradient, neither clipped nor noisy",
                parameters=sum(p.numel() for p in self.model.parameters() if p.requires_grad),
            )
        ]

    def detach(self) -> None:
        """Nothing was changed."""


def _added_up(
    gradients: list[Tensor], records: int, reduce: Callable[[Tensor], None]
) -> tuple[list[Tensor], int]:
    """Sums over all processes, by one call, so that they cannot come apart."""
    count = gradients[0].new_tensor([records])
    flat = torch.cat([*(gradient.flatten() for gradient in gradients), count])
    reduce(flat)
    parts = flat[:-1].split([gradient.numel() for gradient in gradients])
    sums = [part.view_as(gradient) for part, gradient in zip(parts, gradients, strict=True)]
    return sums, round(flat[-1].item())
