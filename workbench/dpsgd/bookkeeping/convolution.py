"""Convolutions and transposed convolutions in one, two and three dimensions.

A transposed convolution is a convolution read backwards: its weights connect every pixel of the
output gradient (here the *source*) with pixels of the input (here the *target*). So there is one
set of formulas: the gradient of a weight is the product of the source's patches with the target.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from workbench.dpsgd.bookkeeping.chunk import Chunk, Ghost
from workbench.dpsgd.bookkeeping.ghost import weighted
from workbench.dpsgd.bookkeeping.layout import Layout
from workbench.dpsgd.bookkeeping.norms import ghost_squares, in_full
from workbench.dpsgd.bookkeeping.patches import Geometry, patch_products, patches
from workbench.dpsgd.bookkeeping.tap import LayerTap
from workbench.errors import BadInput

Way = Literal["grouped", "patches", "ghost"]
RULES: dict[Way, str] = {
    "grouped": "instantiated, one grouped convolution",
    "patches": "instantiated, patches times output gradients",
    "ghost": "ghost norm",
}
_convolution_backward = torch.ops.aten.convolution_backward.default
_Convolution = nn.Conv1d | nn.Conv2d | nn.Conv3d
_Transposed = nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d


class _Pair(NamedTuple):
    """What the weights connect: ``(B, C, *spatial)`` each."""

    source: Tensor
    target: Tensor


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
        self._ways: dict[tuple[torch.Size, int], Way] = {}

    def prepare(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        dimensions = len(self._geometry.kernel)
        if x.dim() != dimensions + 2:
            raise BadInput(
                f"Layer {self.name} got a tensor of {x.dim()} dimensions without a batch in front; "
                "private training needs records along the first dimension.",
                field="model",
            )
        if self._transposed:
            self._output_padding = self.layer._output_padding(  # type: ignore[union-attr]
                x, output_size, self.layer.stride, self.layer.padding, self.layer.kernel_size,
                dimensions, self.layer.dilation,
            )  # fmt: skip
        if any(self._ends):
            mode = self.layer.padding_mode
            return F.pad(x, self._ends, mode="constant" if mode == "zeros" else mode)
        return x

    def recall(self, x: Tensor, grad: Tensor) -> None:
        if self._transposed:
            way = self._geometry
            self._output_padding = tuple(
                after - ((before - 1) * s - 2 * p + d * (k - 1) + 1)
                for after, before, k, s, p, d in zip(
                    grad.shape[2:], x.shape[2:], way.kernel, way.stride, way.padding,
                    way.dilation, strict=True,
                )
            )  # fmt: skip

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        way = self._geometry
        return (
            torch.convolution(
                x, *self.typed(x), way.stride, way.padding, way.dilation,
                self._transposed, self._output_padding, way.groups,
            ),
        )  # fmt: skip

    def backward(
        self, chunk: Chunk, x: Tensor, kept: list[Tensor], grad: Tensor, *, wanted: bool
    ) -> Tensor | None:
        x, grad = x.contiguous(), grad.contiguous()
        self._book(chunk, x, grad)
        if not wanted:
            return None
        way = self._geometry
        return _convolution_backward(
            grad, x, self.typed(x)[0], None, way.stride, way.padding, way.dilation,
            self._transposed, self._output_padding, way.groups, [True, False, False],
        )[0]  # fmt: skip

    def _book(self, chunk: Chunk, x: Tensor, grad: Tensor) -> None:
        layout = chunk.layout_of(x.shape[0])
        weight, bias = self.numbers.get("weight"), self.numbers.get("bias")
        if weight is not None:
            pair = _Pair(grad, x) if self._transposed else _Pair(x, grad)
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

    def _way(self, chunk: Chunk, weight: int, pair: _Pair, layout: Layout) -> Way:
        strategy = self.recorder.strategy
        if not self._walks_back(pair):
            return "grouped"
        if chunk.holds(weight):
            strategy = "instantiate"
        if strategy == "ghost":
            return "ghost"
        key = (pair.source.shape[1:] + pair.target.shape[2:], layout.records // layout.units)
        if strategy == "instantiate":
            return _instantiated(pair, self._geometry)
        if key not in self._ways:
            self._ways[key] = _cheapest(pair, self._geometry, key[1])
        return self._ways[key]

    def _walks_back(self, pair: _Pair) -> bool:
        """Whether walking over the source gives the target's places: not so where an output
        padding is as large as the stride."""
        return not self._transposed or all(
            padding < stride
            for padding, stride in zip(self._output_padding, self._geometry.stride, strict=True)
        )

    def _rows(
        self, pair: _Pair, layout: Layout, way: Way, *, with_bias: bool
    ) -> tuple[Tensor, Tensor | None]:
        if way == "patches":
            return layout.sum_records(in_full(_by_patches(pair, self._geometry))), None
        back = not self._walks_back(pair)
        rows, bias = _by_groups(
            pair, self._geometry, layout, self.layer.weight.shape, with_bias=with_bias,
            output_padding=self._output_padding if back else None,
        )  # fmt: skip
        if layout.views:
            return rows, bias
        sums = [None if part is None else layout.sum_records(in_full(part)) for part in (rows, bias)]
        return sums[0], sums[1]

    def _ghost(self, pair: _Pair, layout: Layout) -> Ghost:
        pair = _Pair(in_full(pair.source), in_full(pair.target))
        geometry = self._geometry

        def add(weights: Tensor, total: Tensor) -> None:
            target, source = weighted(layout, weights, pair.target, pair.source)
            gradient = _weight_gradient(_Pair(source, target), geometry, self.layer.weight.shape)
            total.add_(gradient.flatten())

        def rows() -> Tensor:
            return layout.sum_records(_by_patches(pair, geometry))

        return Ghost(_ghost_norms(pair, geometry, layout), add, rows)


def _padding(layer: nn.Module) -> tuple[tuple[int, ...], list[int]]:
    """The zeros that the convolution itself adds, and the ends (last dimension first) that are
    added before: other modes, and the odd one of ``padding="same"`` under an even kernel."""
    assert isinstance(layer, _Convolution | _Transposed)
    dimensions = len(layer.kernel_size)
    both = list(layer._reversed_padding_repeated_twice)
    if layer.padding_mode != "zeros":
        return (0,) * dimensions, both
    left, right = both[-2::-2], both[-1::-2]
    shared = tuple(min(pair) for pair in zip(left, right, strict=True))
    ends = [
        end - shared[-1 - position // 2] for position, end in enumerate(both)
    ]
    return shared, ends


def _instantiated(pair: _Pair, geometry: Geometry) -> Way:
    # A grouped convolution pads its channels to whole vectors; few channels waste most of it.
    few = pair.source.shape[1] // geometry.groups < 4
    return "patches" if few or geometry.plain else "grouped"


def _cheapest(pair: _Pair, geometry: Geometry, records_per_unit: int) -> Way:
    """The rule of thumb for the cheaper way, in multiplications per record.

    Ghost norms cost products of all pairs of places; instantiating costs memory traffic per
    weight, and grouped convolutions are slow on small maps with many channels. The constants were
    measured on one core of a server processor.
    """
    inputs, outputs = pair.source.shape[1] // geometry.groups, pair.target.shape[1]
    pixels, places = pair.source[0, 0].numel(), records_per_unit * pair.target[0, 0].numel()
    weights = inputs * outputs * geometry.taps
    if geometry.dense and records_per_unit == 1:
        products = 2 * pixels**2 * inputs * geometry.groups + 24 * geometry.taps * places**2
    else:
        products = 2 * places**2 * inputs * geometry.groups * geometry.taps
    ghost = products + 2 * places**2 * outputs
    return "ghost" if ghost < 24 * weights + places * weights / 2 else _instantiated(pair, geometry)


def _by_groups(
    pair: _Pair,
    geometry: Geometry,
    layout: Layout,
    shape: torch.Size,
    *,
    with_bias: bool,
    output_padding: tuple[int, ...] | None,
) -> tuple[Tensor, Tensor | None]:
    """Gradients of all units by one call in which every unit is a group of channels.

    Views of the same units lie behind each other, so that the call adds them up. Where
    ``output_padding`` is given, the call is that of the transposed convolution itself.
    """
    views = max(layout.views, 1)
    units = layout.records // views
    source, target = (part.view(views, -1, *part.shape[2:]) for part in pair)
    transposed = output_padding is not None
    # Only the shape of the weights matters to their gradient; nothing is read from them.
    weight = source.new_empty(units * shape[0], *shape[1:])
    grad, x = (source, target) if transposed else (target, source)
    _, rows, bias = _convolution_backward(
        grad, x, weight, [grad.shape[1]] if with_bias else None, geometry.stride,
        geometry.padding, geometry.dilation, transposed,
        output_padding or (0,) * len(geometry.kernel), units * geometry.groups,
        [False, True, with_bias],
    )  # fmt: skip
    return rows.view(units, -1), bias.view(units, -1) if with_bias else None


def _by_patches(pair: _Pair, geometry: Geometry) -> Tensor:
    """Gradients of all records as products of patches and target: ``(B, P)``."""
    seen, target = _grouped_positions(pair, geometry)
    # This order of the factors takes three quarters of the time of the other.
    rows = torch.bmm(seen, target.transpose(1, 2)).transpose(1, 2)
    return rows.reshape(pair.source.shape[0], -1)


def _grouped_positions(pair: _Pair, geometry: Geometry) -> tuple[Tensor, Tensor]:
    """Patches ``(B * groups, C, L)`` and target ``(B * groups, D, L)``."""
    source, target = (part.reshape(-1, part.shape[1] // geometry.groups, *part.shape[2:])
                      for part in pair)
    return patches(source, geometry, tuple(target.shape[2:])), target.flatten(2)


def _ghost_norms(pair: _Pair, geometry: Geometry, layout: Layout) -> Tensor:
    if geometry.dense and layout.views == 1 and not geometry.plain:
        source, target = (part.reshape(-1, part.shape[1] // geometry.groups, *part.shape[2:])
                          for part in pair)
        one = patch_products(source, geometry, tuple(target.shape[2:]))
        positions = target.flatten(2)
        other = torch.bmm(positions.transpose(1, 2), positions)
    else:
        seen, positions = _grouped_positions(pair, geometry)
        one, other = (_products(part, geometry.groups, layout) for part in (seen, positions))
    units = layout.units
    return ghost_squares(one.reshape(units, -1), other.reshape(units, -1))


def _products(part: Tensor, groups: int, layout: Layout) -> Tensor:
    """Products at all pairs of places of a unit: ``(B * groups, C, L)`` to ``(U, groups, ..)``."""
    if layout.views == 1:
        return torch.bmm(part.transpose(1, 2), part)
    channels, length = part.shape[1:]
    by_record = part.view(-1, groups * channels, length).transpose(1, 2)
    joined = layout.side_by_side(by_record.contiguous())
    split = joined.view(layout.units, -1, groups, channels).transpose(1, 2)
    return split @ split.transpose(2, 3)


def _weight_gradient(pair: _Pair, geometry: Geometry, shape: torch.Size) -> Tensor:
    return _convolution_backward(
        pair.target, pair.source, pair.source.new_empty(shape), None, geometry.stride,
        geometry.padding, geometry.dilation, False, (0,) * len(geometry.kernel), geometry.groups,
        [False, True, False],
    )[1]  # fmt: skip
