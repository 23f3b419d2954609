"""Linear layers, with any dimensions between the records and the features."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from workbench.dpsgd.bookkeeping.chunk import Chunk, Ghost
from workbench.dpsgd.bookkeeping.ghost import weighted
from workbench.dpsgd.bookkeeping.layout import Layout
from workbench.dpsgd.bookkeeping.norms import ghost_squares, in_full, squared_norms
from workbench.dpsgd.bookkeeping.tap import LayerTap
from workbench.errors import BadInput


class LinearTap(LayerTap):
    """The rule for ``nn.Linear``: the norm of a product of two vectors is that of their norms."""

    lowered = True
    rule = "decided at the first step: instantiated or ghost norm"
    layer: nn.Linear

    def prepare(self, x: Tensor) -> Tensor:
        if x.dim() < 2:
            raise BadInput(
                f"Layer {self.name} got a single vector; "
                "private training needs records along the first dimension.",
                field="model",
            )
        return x

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        weight, bias = self.typed(x)
        return (F.linear(x, weight, bias),)

    def backward(
        self, chunk: Chunk, x: Tensor, kept: list[Tensor], grad: Tensor, *, wanted: bool
    ) -> Tensor | None:
        records = x.shape[0]
        layout = chunk.layout_of(records)
        positions = x.reshape(records, -1, x.shape[-1])
        gradients = grad.reshape(records, -1, grad.shape[-1])
        if "weight" in self.numbers:
            self._book(chunk, self.numbers["weight"], positions, gradients, layout)
        if "bias" in self.numbers:
            rows = gradients[:, 0] if gradients.shape[1] == 1 else gradients.sum(1)
            chunk.give_rows(self.numbers["bias"], layout.sum_records(in_full(rows)))
        return grad @ self.typed(x)[0] if wanted else None

    def _book(
        self, chunk: Chunk, number: int, positions: Tensor, gradients: Tensor, layout: Layout
    ) -> None:
        ghost = self._is_ghost(positions, gradients, layout) and not chunk.holds(number)
        self.rule = "ghost norm" if ghost else "instantiated, inputs times output gradients"
        positions, gradients = in_full(positions), in_full(gradients)
        if not ghost:
            chunk.give_rows(number, _rows(positions, gradients, layout))
            return

        def add(weights: Tensor, total: Tensor) -> None:
            one, other = weighted(layout, weights, gradients, positions)
            matrix = total.view(one.shape[2], other.shape[2])
            matrix.addmm_(one.flatten(0, 1).t(), other.flatten(0, 1))

        squares = _squares(positions, gradients, layout)
        chunk.give_ghost(number, Ghost(squares, add, lambda: _rows(positions, gradients, layout)))

    def _is_ghost(self, positions: Tensor, gradients: Tensor, layout: Layout) -> bool:
        if self.recorder.strategy != "auto":
            return self.recorder.strategy == "ghost"
        places = positions.shape[1] * layout.records // layout.units
        inputs, outputs = positions.shape[2], gradients.shape[2]
        return 2 * places**2 * (inputs + outputs) < 24 * inputs * outputs


def _rows(positions: Tensor, gradients: Tensor, layout: Layout) -> Tensor:
    return layout.sum_records(torch.bmm(gradients.transpose(1, 2), positions).flatten(1))


def _squares(positions: Tensor, gradients: Tensor, layout: Layout) -> Tensor:
    if positions.shape[1] == 1 and layout.views == 1:
        return squared_norms(positions[:, 0]) * squared_norms(gradients[:, 0])
    positions, gradients = layout.side_by_side(positions), layout.side_by_side(gradients)
    return ghost_squares(
        torch.bmm(positions, positions.transpose(1, 2)),
        torch.bmm(gradients, gradients.transpose(1, 2)),
    )
