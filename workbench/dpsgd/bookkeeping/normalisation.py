"""Normalising layers that treat every record by itself: the scale's gradients come for free.

Normalising a batch of B records with C channels is normalising one record with B * C channels, so
the ordinary backward pass of that one record gives the gradient of every record's scale and shift.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from workbench.dpsgd.bookkeeping.chunk import Chunk
from workbench.dpsgd.bookkeeping.norms import in_full
from workbench.dpsgd.bookkeeping.tap import LayerTap

_FREE = "instantiated, by the layer's own backward pass"


class _NormTap(LayerTap):
    rule = _FREE

    def _mask(self, wanted: bool) -> list[bool]:
        return [wanted, "weight" in self.numbers, "bias" in self.numbers]

    def _give(self, chunk: Chunk, records: int, weight: Tensor, bias: Tensor) -> None:
        layout = chunk.layout_of(records)
        found = {"weight": weight, "bias": bias}
        for name, number in self.numbers.items():
            by_record = in_full(found[name].view(records, -1))
            chunk.give_rows(number, layout.sum_records(by_record))


def repeated(parameter: Tensor | None, records: int) -> Tensor | None:
    """One copy of a scale or shift per record: ``(C,)`` to ``(B * C,)``."""
    # Not reshape alone: of a single channel it would make a view that kernels cannot read.
    return None if parameter is None else parameter.expand(records, -1).contiguous().view(-1)


class GroupNormTap(_NormTap):
    """The rule for ``nn.GroupNorm``."""

    layer: nn.GroupNorm

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        layer, (weight, bias) = self.layer, self.typed(x)
        records, channels = x.shape[:2]
        pixels = x.numel() // (records * channels)
        return torch.native_group_norm(
            x.contiguous(), weight, bias, records, channels, pixels, layer.num_groups, layer.eps
        )

    def backward(
        self, chunk: Chunk, x: Tensor, kept: list[Tensor], grad: Tensor, *, wanted: bool
    ) -> Tensor | None:
        records, channels = x.shape[:2]
        scale = repeated(self.typed(x)[0], records)
        # The sizes that are passed say how the tensors are read, whatever their own shape.
        gradient, scales, shifts = torch.ops.aten.native_group_norm_backward.default(
            grad.contiguous(), x.contiguous(), *kept, scale,
            1, records * channels, x.numel() // (records * channels),
            records * self.layer.num_groups, self._mask(wanted),
        )  # fmt: skip
        self._give(chunk, records, scales, shifts)
        return gradient if wanted else None


class InstanceNormTap(_NormTap):
    """The rule for ``nn.InstanceNorm1d`` to ``3d`` without running statistics."""

    layer: nn.InstanceNorm1d | nn.InstanceNorm2d | nn.InstanceNorm3d

    def run(self, x: Tensor) -> Tensor:
        unbatched = x.dim() == self.layer._get_no_batch_dim()
        if unbatched or x.shape[2:].numel() == 1:
            return self.original(x)  # refuses such input in its own words
        return super().run(x)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        records = x.shape[0]
        weight, bias = (repeated(p, records) for p in self.typed(x))
        output, mean, deviation = torch.native_batch_norm(
            x.reshape(1, records * x.shape[1], *x.shape[2:]),
            weight, bias, None, None, True, 0.0, self.layer.eps,
        )  # fmt: skip
        # A view made in here could not be changed in place by the next layer.
        return torch.ops.aten._unsafe_view(output, x.shape), mean, deviation

    def backward(
        self, chunk: Chunk, x: Tensor, kept: list[Tensor], grad: Tensor, *, wanted: bool
    ) -> Tensor | None:
        records = x.shape[0]
        whole = (1, records * x.shape[1], *x.shape[2:])
        gradient, scales, shifts = torch.ops.aten.native_batch_norm_backward.default(
            grad.contiguous().view(whole),
            x.contiguous().view(whole),
            repeated(self.typed(x)[0], records), None, None, *kept,
            True, self.layer.eps, self._mask(wanted),
        )  # fmt: skip
        self._give(chunk, records, scales, shifts)
        return gradient.view(x.shape) if wanted else None


class LayerNormTap(_NormTap):
    """The rule for ``nn.LayerNorm``: its records' gradients need one pass of their own."""

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
        shifts = in_full(grad)
        scales = (in_full(x) - mean).mul_(deviation).mul_(shifts)
        self._give(chunk, records, scales.view(shape).sum(1), shifts.reshape(shape).sum(1))
        if not wanted:
            return None
        return torch.ops.aten.native_layer_norm_backward(
            grad, x, self.layer.normalized_shape, mean, deviation, *self.typed(x),
            [True, False, False],
        )[0]  # fmt: skip
