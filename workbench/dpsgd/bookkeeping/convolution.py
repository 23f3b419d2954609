"""Convolutions and transposed convolutions in one, two and three dimensions.

A transposed convolution is a convolution read backwards: its weights connect every pixel of the
output gradient (here the *source*) with pixels of the input (here the *target*).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from workbench.dpsgd.bookkeeping.chunk import Chunk, Ghost
from workbench.dpsgd.bookkeeping.ghost import weighted
from workbench.dpsgd.bookkeeping.layout import Layout
from workbench.dpsgd.bookkeeping.norms import in_full
from workbench.dpsgd.bookkeeping.patches import Geometry
from workbench.dpsgd.bookkeeping.tap import LayerTap
from workbench.dpsgd.bookkeeping.walks import back, forth
from workbench.dpsgd.bookkeeping.weight_gradients import (
    Pair,
    Way,
    by_groups,
    by_patches,
    cheapest,
    ghost_norms,
    instantiated,
    weight_gradient,
)
from workbench.errors import BadInput

RULES: dict[Way, str] = {
    "grouped": "instantiated, one grouped convolution",
    "patches": "instantiated, patches times output gradients",
    "ghost": "ghost norm",
}
_Convolution = nn.Conv1d | nn.Conv2d | nn.Conv3d
_Transposed = nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d


class ConvolutionTap(LayerTap):
    """The rule for ``nn.Conv1d`` to ``nn.Conv3d`` and ``nn.ConvTranspose1d`` to ``3d``."""

    lowered = True
    rule = "decided at the first step: instantiated or ghost norm"
    layer: _Convolution | _Transposed

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        layer = self.layer
        self._transposed = bool(layer.transposed)
        self._output_padding: tuple[int, ...] = layer.output_padding
        padding, self._ends = _padding(layer)
        self._geometry = Geometry(
            layer.kernel_size, layer.stride, padding, layer.dilation, layer.groups
        )
        self._ways: dict[tuple[torch.Size, torch.Size, int], Way] = {}

    def prepare(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        dimensions = len(self._geometry.kernel)
        if x.dim() != dimensions + 2:
            raise BadInput(
                f"Layer {self.name} got a tensor of {x.dim()} dimensions without a batch in front; "
                "private training needs records along the first dimension.",
                field="model",
            )
        if self._transposed:
            layer: Any = self.layer
            self._output_padding = tuple(
                layer._output_padding(
                    x, output_size, layer.stride, layer.padding, layer.kernel_size,
                    dimensions, layer.dilation,
                )
            )  # fmt: skip
        if any(self._ends):
            mode = self.layer.padding_mode
            return F.pad(x, self._ends, mode="constant" if mode == "zeros" else mode)
        return x

    def recall(self, x: Tensor, grad: Tensor) -> None:
        if self._transposed:
            self._output_padding = self._rest(x, grad)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        weight, bias = self.typed(x)
        if self._transposed:
            return (back(x, weight, bias, self._geometry, self._output_padding),)
        return (forth(x, weight, bias, self._geometry),)

    def backward(
        self, chunk: Chunk, x: Tensor, kept: list[Tensor], grad: Tensor, *, wanted: bool
    ) -> Tensor | None:
        self._book(chunk, x, grad)
        if not wanted:
            return None
        weight = self.typed(x)[0]
        if self._transposed:
            return forth(grad, weight, None, self._geometry)
        return back(grad, weight, None, self._geometry, self._rest(grad, x))

    def _rest(self, places: Tensor, pixels: Tensor) -> tuple[int, ...]:
        """How many pixels lie behind the last one that the kernel reaches."""
        way = self._geometry
        return tuple(
            after - ((before - 1) * s - 2 * p + d * (k - 1) + 1)
            for after, before, k, s, p, d in zip(
                pixels.shape[2:], places.shape[2:], way.kernel, way.stride, way.padding,
                way.dilation, strict=True,
            )
        )  # fmt: skip

    def _book(self, chunk: Chunk, x: Tensor, grad: Tensor) -> None:
        layout = chunk.layout_of(x.shape[0])
        weight, bias = self.numbers.get("weight"), self.numbers.get("bias")
        if weight is not None:
            pair = Pair(grad, x) if self._transposed else Pair(x, grad)
            way = self._way(chunk, weight, pair, layout)
            self.rule = RULES[way]
            if way == "ghost":
                chunk.give_ghost(weight, self._ghost(pair, layout))
            else:
                with_bias = bias is not None and way == "grouped" and not self._transposed
                rows, bias_rows = self._rows(pair, layout, way, with_bias=with_bias)
                chunk.give_rows(weight, rows)
                if bias is not None and bias_rows is not None:
                    chunk.give_rows(bias, bias_rows)
                    return
        if bias is not None:
            sums = in_full(grad.flatten(2).sum(2))
            chunk.give_rows(bias, layout.sum_records(sums))

    def _way(self, chunk: Chunk, weight: int, pair: Pair, layout: Layout) -> Way:
        strategy = self.recorder.strategy
        if not self._walks_back():
            return "grouped"
        if chunk.holds(weight):
            strategy = "instantiate"
        if strategy == "ghost":
            return "ghost"
        if strategy == "instantiate":
            return instantiated(pair, self._geometry)
        key = (pair.source.shape, pair.target.shape, layout.units)
        way = self._ways.get(key)
        if way is None:
            way = self._ways[key] = cheapest(pair, self._geometry, layout.records // layout.units)
        return way

    def _walks_back(self) -> bool:
        """Whether the kernel, walking over the source, stops at the target's places and no others.

        It does not where an output padding is as large as the stride.
        """
        return not self._transposed or all(
            padding < stride
            for padding, stride in zip(self._output_padding, self._geometry.stride, strict=True)
        )

    def _rows(
        self, pair: Pair, layout: Layout, way: Way, *, with_bias: bool
    ) -> tuple[Tensor, Tensor | None]:
        if way == "patches":
            return layout.sum_records(in_full(by_patches(pair, self._geometry))), None
        widened = not self._walks_back()
        rows, bias = by_groups(
            pair, self._geometry, layout, self.layer.weight.shape, with_bias=with_bias,
            output_padding=self._output_padding if widened else None,
        )  # fmt: skip
        if layout.views:
            return rows, bias
        if bias is not None:
            bias = layout.sum_records(in_full(bias))
        return layout.sum_records(in_full(rows)), bias

    def _ghost(self, pair: Pair, layout: Layout) -> Ghost:
        pair = Pair(in_full(pair.source), in_full(pair.target))
        geometry = self._geometry

        def add(weights: Tensor, total: Tensor) -> None:
            target, source = weighted(layout, weights, pair.target, pair.source)
            gradient = weight_gradient(Pair(source, target), geometry, self.layer.weight.shape)
            total.add_(gradient.flatten())

        def rows() -> Tensor:
            return layout.sum_records(by_patches(pair, geometry))

        return Ghost(ghost_norms(pair, geometry, layout), add, rows)


def _padding(layer: nn.Module) -> tuple[tuple[int, ...], list[int]]:
    """What the convolution itself pads with zeros, and what is padded before.

    Before: other modes than zeros, and the odd one of ``padding="same"`` under an even kernel.

    Returns:
        Zeros at both ends, one number per dimension; then both ends of every dimension, the last
        dimension first.
    """
    assert isinstance(layer, _Convolution | _Transposed)
    dimensions = len(layer.kernel_size)
    both = list(layer._reversed_padding_repeated_twice)
    if layer.padding_mode != "zeros":
        return (0,) * dimensions, both
    left, right = both[-2::-2], both[-1::-2]
    shared = tuple(min(pair) for pair in zip(left, right, strict=True))
    ends = [end - shared[-1 - position // 2] for position, end in enumerate(both)]
    return shared, ends
