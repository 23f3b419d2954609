"""Weight gradients of a convolution for every unit: written out, or only their norms.

The weights connect a *source*, which a kernel walks over, with a *target*, which has one pixel per
place of the kernel. The gradient of a weight is the product of the source's patches with the
target, summed over the places.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from workbench.dpsgd.bookkeeping.layout import Layout
from workbench.dpsgd.bookkeeping.norms import ghost_squares
from workbench.dpsgd.bookkeeping.patches import Geometry, patch_products, patches

Way = Literal["grouped", "patches", "ghost"]
convolution_backward = torch.ops.aten.convolution_backward.default


class Pair(NamedTuple):
    """What the weights connect: ``(B, C, *spatial)`` each, contiguous."""

    source: Tensor
    target: Tensor


def instantiated(pair: Pair, geometry: Geometry) -> Way:
    """The cheaper way to write the gradients out."""
    # A grouped convolution pads its channels to whole vectors; few channels waste most of it,
    # but for a single one in and out.
    few = pair.source.shape[1] < 4 <= pair.target.shape[1]
    return "patches" if few or geometry.plain else "grouped"


def cheapest(pair: Pair, geometry: Geometry, records_per_unit: int) -> Way:
    """The rule of thumb for the cheaper way, in multiplications per record.

    Ghost norms cost products of all pairs of places; whatever is written out costs memory
    traffic per number; and grouped convolutions are slow on small maps with many channels. The
    constants were measured on one core of a server processor.
    """
    inputs, outputs = pair.source.shape[1] // geometry.groups, pair.target.shape[1]
    pixels, places = pair.source[0, 0].numel(), records_per_unit * pair.target[0, 0].numel()
    weights = inputs * outputs * geometry.taps
    if geometry.dense and records_per_unit == 1:
        products = 2 * pixels**2 * inputs * geometry.groups + 24 * geometry.taps * places**2
    else:
        patch = inputs * geometry.groups * geometry.taps
        products = 2 * places**2 * patch + 24 * places * patch
    ghost = products + 2 * places**2 * outputs
    return "ghost" if ghost < 24 * weights + places * weights / 2 else instantiated(pair, geometry)


def by_groups(
    pair: Pair,
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
    source, target = pair
    source = source.view(views, -1, *source.shape[2:])
    target = target.view(views, -1, *target.shape[2:])
    transposed = output_padding is not None
    # Only the shape of the weights matters to their gradient; nothing is read from them.
    weight = source.new_empty(units * shape[0], *shape[1:])
    grad, x = (source, target) if transposed else (target, source)
    _, rows, bias = convolution_backward(
        grad, x, weight, [grad.shape[1]] if with_bias else None, geometry.stride,
        geometry.padding, geometry.dilation, transposed,
        output_padding or (0,) * len(geometry.kernel), units * geometry.groups,
        [False, True, with_bias],
    )  # fmt: skip
    return rows.view(units, -1), bias.view(units, -1) if with_bias else None


def by_patches(pair: Pair, geometry: Geometry) -> Tensor:
    """Gradients of all records as products of patches and target: ``(B, P)``."""
    source, target = _by_group(pair, geometry)
    seen, positions = patches(source, geometry, tuple(target.shape[2:])), target.flatten(2)
    if geometry.plain:
        rows = torch.bmm(positions, seen.transpose(1, 2))
    else:  # many patches of few channels: three quarters of the time of the other order
        rows = torch.bmm(seen, positions.transpose(1, 2)).transpose(1, 2)
    return rows.reshape(pair.source.shape[0], -1)


def _by_group(pair: Pair, geometry: Geometry) -> list[Tensor]:
    """Source and target with one entry per record and group: ``(B * groups, C, *spatial)``."""
    return [part.reshape(-1, part.shape[1] // geometry.groups, *part.shape[2:]) for part in pair]


def ghost_norms(pair: Pair, geometry: Geometry, layout: Layout) -> Tensor:
    """Squared norms of the units' gradients, float64 ``(U,)``, without writing them out."""
    source, target = _by_group(pair, geometry)
    places, positions = tuple(target.shape[2:]), target.flatten(2)
    if geometry.dense and layout.views == 1 and not geometry.plain:
        one = patch_products(source, geometry, places)
    else:
        one = _products(patches(source, geometry, places), geometry.groups, layout)
    other = _products(positions, geometry.groups, layout)
    units = layout.units
    return ghost_squares(one.reshape(units, -1), other.reshape(units, -1))


def _products(part: Tensor, groups: int, layout: Layout) -> Tensor:
    """Products at all pairs of places of a unit: ``(B * groups, C, L)`` to ``(U, groups, ..)``."""
    if layout.views == 1:
        return torch.bmm(part.transpose(1, 2), part)
    channels, length = part.shape[1:]
    by_record = part.reshape(-1, groups * channels, length).transpose(1, 2)
    joined = layout.side_by_side(by_record.contiguous())
    split = joined.view(layout.units, -1, groups, channels).transpose(1, 2)
    return split @ split.transpose(2, 3)


def weight_gradient(pair: Pair, geometry: Geometry, shape: torch.Size) -> Tensor:
    """The ordinary gradient, summed over all records, of the given shape."""
    return convolution_backward(
        pair.target, pair.source, pair.source.new_empty(shape), None, geometry.stride,
        geometry.padding, geometry.dilation, False, (0,) * len(geometry.kernel), geometry.groups,
        [False, True, False],
    )[1]  # fmt: skip
