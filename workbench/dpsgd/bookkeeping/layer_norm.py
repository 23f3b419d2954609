"""Layer normalisation: its records' gradients need one pass of their own."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from workbench.dpsgd.bookkeeping.chunk import Chunk
from workbench.dpsgd.bookkeeping.norms import in_full
from workbench.dpsgd.bookkeeping.tap import LayerTap


class LayerNormTap(LayerTap):
    """The rule for ``nn.LayerNorm``."""

    rule = "instantiated, normalised inputs times output gradients"
    layer: nn.LayerNorm

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        layer, (weight, bias) = self.layer, self.typed(x)
        return torch.native_layer_norm(x, layer.normalized_shape, weight, bias, layer.eps)

    def backward(
        self, chunk: Chunk, x: Tensor, kept: list[Tensor], grad: Tensor, *, wanted: bool
    ) -> Tensor | None:
        records, features = x.shape[0], torch.Size(self.layer.normalized_shape).numel()
        mean, deviation = kept
        shape = (records, -1, features)
        layout, shifts = chunk.layout_of(records), in_full(grad)
        if "weight" in self.numbers:
            scales = (in_full(x) - mean).mul_(deviation).mul_(shifts).view(shape).sum(1)
            chunk.give_rows(self.numbers["weight"], layout.sum_records(scales))
        if "bias" in self.numbers:
            sums = shifts.reshape(shape).sum(1)
            chunk.give_rows(self.numbers["bias"], layout.sum_records(sums))
        if not wanted:
            return None
        return torch.ops.aten.native_layer_norm_backward(
            grad, x, self.layer.normalized_shape, mean, deviation, *self.typed(x),
            [True, False, False],
        )[0]  # fmt: skip
